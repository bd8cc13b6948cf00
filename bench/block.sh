#!/bin/bash
# SPDX-License-Identifier: ISC
#
# block.sh - a disk beside Linux: the same requests by a Fata guest and by a
# program in Debian's Linux as a PVH guest (O_DIRECT), both with one vCPU, on
# the same disk in dom0's memory, in turn.
#
# Interface: block.sh BUILD [wall], from the root of the sources. Prints a
# table and writes BUILD/bench/block.json. The lab counts instructions, so
# figures do not depend on what else the machine does; with `wall` it is an
# ordinary one. MILLISECONDS (100): how long each row is measured.
# "-copied": with memory of any kind; Linux has one kind only.
# Exit: 0, or 1 after one line on stderr.

set -euo pipefail

build=$(cd "${1:?usage: block.sh BUILD [wall]}" && pwd)
mode=--counted
[ "${2:-}" != wall ] || mode=
ms=${MILLISECONDS:-100}
export FATA=$build/fata FATA_LAB_DIR=${FATA_LAB_DIR:-$build/lab}
export FATA_LAB_RUN=$build/bench/block.lab
musl=$build/pkg/dev/usr
out=$build/bench/block

die()
{
  echo "bench/block: $*" >&2
  exit 1
}

finish()
{
  trap - EXIT
  timeout 60 "$FATA" lab down >/dev/null 2>&1 || true
}

mkdir -p "$out"
"$FATA" cc -O2 -g bench/block/fata.c -o "$out/fata.xen"
# the same musl as the images; the kernel's headers are the host's
gcc -O2 -g -static -no-pie -nostdinc -nostdlib -D_GNU_SOURCE \
  -isystem "$musl/include/x86_64-linux-musl" \
  -isystem "$(gcc -print-file-name=include)" \
  -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu \
  "$musl/lib/x86_64-linux-musl/"crt{1,i}.o bench/block/linux.c \
  "$musl/lib/x86_64-linux-musl/libc.a" "$(gcc -print-libgcc-file-name)" \
  "$musl/lib/x86_64-linux-musl/crtn.o" -o "$out/linux"
printf '#!/bin/sh\nexec ./linux /dev/xvda %s\n' "$ms" >"$out/script"

trap finish EXIT
trap 'exit 1' HUP INT TERM
# shellcheck disable=SC2086 # no word, or one
timeout 600 "$FATA" lab up $mode >/dev/null || die "no lab"
"$FATA" lab put "$out/fata.xen" /tmp/fata.xen
disk='disk = ["format=raw, vdev=xvda, access=rw, target=/dev/ram0"]'
cat >"$out/fata.cfg" <<END
name = "fata"
type = "pvh"
kernel = "/tmp/fata.xen"
memory = 192
tsc_mode = "native"
extra = "$ms"
$disk
END
"$FATA" lab put "$out/fata.cfg" /tmp/fata.cfg
timeout 60 "$FATA" lab exec 'modprobe brd rd_nr=1 rd_size=65536 &&
  dd if=/dev/zero of=/dev/ram0 bs=1M count=64' </dev/null 2>/dev/null ||
  die "no disk in memory"

# One guest after the other; each wait is one command, so that a counted lab
# goes on.
measure()
{
  timeout 900 "$FATA" lab exec "tries=0
    until grep -qE 'bench: done|FAIL|panic' \
      /var/log/xen/console/guest-$1.log 2>/dev/null; do
      tries=\$((tries + 1))
      [ \$tries -lt 3000 ] || exit 1
      usleep 100000
    done
    tr -d '\r' </var/log/xen/console/guest-$1.log
    while xl domid $1 >/dev/null 2>&1; do usleep 100000; done" </dev/null \
    >"$out/$1.log" || die "the guest $1 does not end"
  grep -q '^bench: done' "$out/$1.log" || die "$1: $(tail -1 "$out/$1.log")"
  sed -n "s/^row /$1 /p" "$out/$1.log" >>"$out/figures"
}

: >"$out/figures"
timeout 300 lab/linux-guest.sh -f "$out/linux" -s "$out/script" linux "$disk" ||
  die "no Linux guest"
measure linux
timeout 120 "$FATA" lab exec 'xl create -q /tmp/fata.cfg' </dev/null ||
  die "xl cannot start the Fata guest"
measure fata

awk '
{
  value[$1, $2] = $4
  if ($1 == "fata") {
    order[++names] = $2
    unit[$2] = $3
  }
}
END {
  printf "{\"bench\": \"block\", \"rows\": [\n"
  for (i = 1; i <= names; i++) {
    n = order[i]
    peer = n
    sub("-copied", "", peer)
    printf "  {\"name\": \"%s\", \"unit\": \"%s\", \"better\": \"more\", ", n,
      unit[n]
    printf "\"fata\": %s, \"peer\": %s, \"peer_name\": \"Linux\"}%s\n",
      value["fata", n], value["linux", peer], i < names ? "," : ""
  }
  printf "]}\n"
}' "$out/figures" >"$build/bench/block.json.new"
mv "$build/bench/block.json.new" "$build/bench/block.json"

sed -n 's/.*"name": "\([^"]*\)", "unit": "\([^"]*\)".*"fata": \([0-9.]*\), "peer": \([0-9.]*\).*/\1 \3 \4 \2/p' \
  "$build/bench/block.json" | awk '
  BEGIN { printf "%-24s %10s %10s\n", "", "Fata", "Linux" }
  { printf "%-24s %10s %10s %s\n", $1, $2, $3, $4 }'
