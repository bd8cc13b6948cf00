#!/bin/bash
# SPDX-License-Identifier: ISC
#
# files.sh - files beside Linux: the same program, and SQLite's speedtest1, in
# a Fata guest and in Debian's Linux as a PVH guest, on ext4 on the same disk in
# dom0's memory, one after the other.
#
# Interface: files.sh BUILD [wall], from the root of the sources. Prints a
# table and writes BUILD/bench/files.json. The lab counts instructions, so
# figures do not depend on what else the machine does; with `wall` it is an
# ordinary one.
# Exit: 0, or 1 after one line on stderr.

set -euo pipefail

build=$(cd "${1:?usage: files.sh BUILD [wall]}" && pwd)
mode=--counted
[ "${2:-}" != wall ] || mode=
export FATA=$build/fata FATA_LAB_DIR=${FATA_LAB_DIR:-$build/lab}
export FATA_LAB_RUN=$build/bench/files.lab
musl=$build/pkg/dev/usr
sqlite=$musl/lib/x86_64-linux-gnu/libsqlite3.a
out=$build/bench/files

die()
{
  echo "bench/files: $*" >&2
  exit 1
}

finish()
{
  trap - EXIT
  timeout 60 "$FATA" lab down >/dev/null 2>&1 || true
}

mkdir -p "$out"
scripts/src.sh "$build/src/sqlite3" sqlite3
speed=$build/src/sqlite3/test/speedtest1.c
"$FATA" cc -O2 bench/files/files.c -o "$out/fata.xen"
# the file system and its mount come from a line in a file of their own
cat >"$out/ext4.c" <<'END'
#include <fata/fs.h>
#include <fata/manifest.h>
FATA_BLOCK("data");
FATA_FS(ext4);
END
"$FATA" cc -O2 -w -isystem "$build/include-sqlite" "$speed" "$out/ext4.c" \
  "$sqlite" -o "$out/speed.xen"
# the same musl as the images; the kernel's headers are the host's
gcc -O2 -static -no-pie -nostdinc -nostdlib -D_GNU_SOURCE \
  -isystem "$musl/include/x86_64-linux-musl" \
  -isystem "$(gcc -print-file-name=include)" \
  -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu \
  "$musl/lib/x86_64-linux-musl/"crt{1,i}.o bench/files/files.c \
  "$musl/lib/x86_64-linux-musl/libc.a" "$(gcc -print-libgcc-file-name)" \
  "$musl/lib/x86_64-linux-musl/crtn.o" -o "$out/files"
gcc -O2 -w -static -isystem "$build/include-sqlite" "$speed" "$sqlite" \
  -o "$out/speed" -lm -lpthread -ldl 2>/dev/null ||
  die "SQLite does not link statically"
speed_args='--size 4 --testset main'
cat >"$out/script" <<END
#!/bin/sh
cd "\$(dirname "\$0")"
for m in crc32c_generic crc16 mbcache jbd2 ext4; do insmod ./\$m.ko; done
./files
mkdir -p /data
mount -t ext4 /dev/xvda /data
./speed $speed_args /data/speed.db
umount /data
echo bench: all
END
modules=()
for m in crc32c_generic crc16 mbcache jbd2 ext4; do
  file=$(find "$FATA_LAB_DIR/pkg/lib/modules" -name "$m.ko" | head -n 1)
  [ -n "$file" ] || die "the lab has no module $m"
  modules+=(-f "$file")
done

trap finish EXIT
trap 'exit 1' HUP INT TERM
# shellcheck disable=SC2086 # no word, or one
timeout 600 "$FATA" lab up $mode >/dev/null || die "no lab"
lab/dom0-add.sh e2fsprogs -- /sbin/mkfs.ext4 >/dev/null ||
  die "no e2fsprogs in dom0"
for image in fata speed; do
  "$FATA" lab put "$out/$image.xen" "/tmp/$image.xen"
  cat >"$out/$image.cfg" <<END
name = "$image"
type = "pvh"
kernel = "/tmp/$image.xen"
memory = 192
tsc_mode = "native"
disk = ["format=raw, vdev=xvda, access=rw, target=/dev/ram0"]
END
  "$FATA" lab put "$out/$image.cfg" "/tmp/$image.cfg"
done

# A new file system, the same for each.
new_disk()
{
  timeout 120 "$FATA" lab exec '[ -e /dev/ram0 ] ||
    modprobe brd rd_nr=1 rd_size=98304
    dd if=/dev/zero of=/dev/ram0 bs=1M count=96 2>/dev/null
    mkfs.ext4 -q -F -b 4096 -O has_journal,extents,64bit,flex_bg,metadata_csum\
,dir_index,filetype,huge_file,dir_nlink,extra_isize -E lazy_itable_init=0 \
/dev/ram0' </dev/null || die "no disk in memory"
}

# wait_log NAME PATTERN
wait_log()
{
  timeout 1200 "$FATA" lab exec "tries=0
    until grep -qE '$2|FAIL|panic|exit status [1-9]' \
      /var/log/xen/console/guest-$1.log 2>/dev/null; do
      tries=\$((tries + 1))
      [ \$tries -lt 6000 ] || exit 1
      usleep 100000
    done
    tr -d '\r' </var/log/xen/console/guest-$1.log
    while xl domid $1 >/dev/null 2>&1; do usleep 100000; done" </dev/null \
    >"$out/$1.log" || die "the guest $1 does not end"
  grep -qE "$2" "$out/$1.log" || die "$1: $(tail -1 "$out/$1.log")"
}

new_disk
timeout 300 lab/linux-guest.sh -f "$out/files" -f "$out/speed" "${modules[@]}" \
  -s "$out/script" linux \
  'disk = ["format=raw, vdev=xvda, access=rw, target=/dev/ram0"]' \
  'memory = 192' || die "no Linux guest"
wait_log linux '^bench: all'
new_disk
timeout 120 "$FATA" lab exec 'xl create -q /tmp/fata.cfg' </dev/null ||
  die "xl cannot start the Fata guest"
wait_log fata '^bench: done'
"$FATA" lab exec "echo 'extra = \"--mount data:/data:ext4 -- $speed_args \
/data/speed.db\"' >>/tmp/speed.cfg; xl create -q /tmp/speed.cfg" </dev/null ||
  die "xl cannot start the Fata guest"
wait_log speed 'TOTAL'

{
  sed -n 's/^row /linux /p' "$out/linux.log"
  sed -n 's/^row /fata /p' "$out/fata.log"
  sed -n 's/^ *TOTAL[. ]* \([0-9.]*\)s.*/linux sqlite-speedtest1 s \1/p' \
    "$out/linux.log"
  sed -n 's/^ *TOTAL[. ]* \([0-9.]*\)s.*/fata sqlite-speedtest1 s \1/p' \
    "$out/speed.log"
} >"$out/figures"

awk '
{
  value[$1, $2] = $4
  if ($1 == "fata") {
    order[++names] = $2
    unit[$2] = $3
  }
}
END {
  printf "{\"bench\": \"files\", \"rows\": [\n"
  for (i = 1; i <= names; i++) {
    n = order[i]
    printf "  {\"name\": \"%s\", \"unit\": \"%s\", \"better\": \"%s\", ", n,
      unit[n], unit[n] == "s" ? "less" : "more"
    printf "\"fata\": %s, \"peer\": %s, \"peer_name\": \"Linux\"}%s\n",
      value["fata", n], value["linux", n], i < names ? "," : ""
  }
  printf "]}\n"
}' "$out/figures" >"$build/bench/files.json.new"
mv "$build/bench/files.json.new" "$build/bench/files.json"

sed -n 's/.*"name": "\([^"]*\)", "unit": "\([^"]*\)".*"fata": \([0-9.]*\), "peer": \([0-9.]*\).*/\1 \3 \4 \2/p' \
  "$build/bench/files.json" | awk '
  BEGIN { printf "%-24s %10s %10s\n", "", "Fata", "Linux" }
  { printf "%-24s %10s %10s %s\n", $1, $2, $3, $4 }'
