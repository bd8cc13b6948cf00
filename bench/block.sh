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
#   read-4K-x16       at random, 16 under way
#   ...-copied        with memory of any kind; Linux has one kind only
#   cpu-guest-...     CPU time of the guest for each request
#   cpu-dom0-...      of dom0
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
xen=$build/pkg/dev/usr
gcc -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -isystem "$xen/include" -static \
  bench/block/sample.c -o "$out/sample" -L"$xen/lib/x86_64-linux-gnu" \
  -lxenctrl -lxencall -lxenforeignmemory -lxendevicemodel -lxenevtchn \
  -lxengnttab -lxenhypfs -lxenstore -lxentoolcore -lxentoollog -lpthread -lz

trap finish EXIT
trap 'exit 1' HUP INT TERM
# shellcheck disable=SC2086 # no word, or one
timeout 600 "$FATA" lab up $mode >/dev/null || die "no lab"
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
timeout 60 "$FATA" lab exec 'modprobe brd rd_nr=1 rd_size=65536 &&
  dd if=/dev/zero of=/dev/ram0 bs=1M count=64' </dev/null 2>/dev/null ||
  die "no disk in memory"

# put FILE PATH: dom0's patience can end early in a counted lab on a busy host
put()
{
  local _
  for _ in 1 2 3 4; do
    "$FATA" lab put "$1" "$2" 2>/dev/null && return
  done
  die "cannot put $1"
}

# One guest after the other; each wait is one command, so that a counted lab
# goes on.
# measure WHO COMMAND: its console, with COMMAND running in dom0 meanwhile
measure()
{
  timeout 1500 "$FATA" lab exec "$2 & tries=0
    until grep -qE 'bench: done|FAIL|panic' \
      /var/log/xen/console/guest-$1.log 2>/dev/null; do
      tries=\$((tries + 1))
      [ \$tries -lt 6000 ] || exit 1
      usleep 100000
    done
    tr -d '\r' </var/log/xen/console/guest-$1.log
    while xl domid $1 >/dev/null 2>&1; do usleep 100000; done
    sleep 1; kill %1 2>/dev/null; wait" </dev/null \
    >"$out/$1.log" || die "the guest $1 does not end"
  grep -q '^bench: done' "$out/$1.log" || die "$1: $(tail -1 "$out/$1.log")"
}

start_linux() # SCRIPT
{
  local _
  for _ in 1 2 3; do
    timeout 600 lab/linux-guest.sh -f "$out/linux" -s "$1" linux "$disk" &&
      return
  done
  die "no Linux guest"
}

start_fata() # MILLISECONDS
{
  timeout 120 "$FATA" lab exec "rm -f /var/log/xen/console/guest-fata.log
    sed -i 's/^extra.*/extra = \"$1\"/' /tmp/fata.cfg
    xl create -q /tmp/fata.cfg" </dev/null ||
    die "xl cannot start the Fata guest"
}

# What the guest and dom0 had between a row's begin and end, from the samples.
cpu() # WHO
{
  awk -v who="$1" '
    function at(t, column,   i, part) {
      i = 2
      while (i < n && time[i] < t)
        i++
      part = (t - time[i - 1]) / (time[i] - time[i - 1])
      return value[i - 1, column] * (1 - part) + value[i, column] * part
    }
    NR == FNR { time[++n] = $1; value[n, 2] = $2; value[n, 3] = $3; next }
    $1 == "row" && $5 {
      printf "%s cpu-guest-%s ns %d\n", who, $2, (at($7, 3) - at($6, 3)) / $5
      printf "%s cpu-dom0-%s ns %d\n", who, $2, (at($7, 2) - at($6, 2)) / $5
    }' "$out/$1.samples" "$out/$1.log"
}

run() # WHO
{
  measure "$1" "/tmp/sample \$(xl domid $1) >/tmp/samples"
  timeout 60 "$FATA" lab get /tmp/samples "$out/$1.samples" ||
    timeout 60 "$FATA" lab get /tmp/samples "$out/$1.samples"
  awk -v who="$1" '$1 == "row" { print who, $2, $3, $4 }' "$out/$1.log" \
    >>"$out/figures"
  cpu "$1" >>"$out/figures"
}

: >"$out/figures"
put "$out/sample" /tmp/sample
put "$out/fata.xen" /tmp/fata.xen
put "$out/fata.cfg" /tmp/fata.cfg
start_linux "$out/script"
run linux
start_fata "$ms"
run fata

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
    printf "  {\"name\": \"%s\", \"unit\": \"%s\", \"better\": \"%s\", ", n,
      unit[n], n ~ /^cpu/ ? "less" : "more"
    printf "\"fata\": %s, \"peer\": %s, \"peer_name\": \"Linux\"}%s\n",
      value["fata", n], value["linux", peer], i < names ? "," : ""
  }
  printf "]}\n"
}' "$out/figures" >"$build/bench/block.json.new"
mv "$build/bench/block.json.new" "$build/bench/block.json"

sed -n 's/.*"name": "\([^"]*\)", "unit": "\([^"]*\)".*"fata": \([0-9.]*\), "peer": \([0-9.]*\).*/\1 \3 \4 \2/p' \
  "$build/bench/block.json" | awk '
  BEGIN { printf "%-32s %10s %10s\n", "", "Fata", "Linux" }
  { printf "%-32s %10s %10s %-9s %s\n", $1, $2, $3, $4,
      ($1 ~ /^cpu/ ? $2 > $3 : $2 < $3) ? "loses" : "" }'
