#!/bin/bash
# SPDX-License-Identifier: ISC
#
# files.sh - files beside Linux: the same program, and SQLite's speedtest1, in
# a Fata guest and in Debian's Linux as a PVH guest, on ext4 on the same disk in
# dom0's memory, one after the other.
#
# Interface: files.sh BUILD, from the root of the sources; see bench/lab.sh.
build=${1:?usage: files.sh BUILD}
# shellcheck source=bench/lab.sh
. bench/lab.sh
sqlite=$build/pkg/dev/usr/lib/x86_64-linux-gnu/libsqlite3.a
disk='disk = ["format=raw, vdev=xvda, access=rw, target=/dev/ram0"]'

scripts/src.sh "$build/src/sqlite3" sqlite3
speed=$build/src/sqlite3/test/speedtest1.c
"$fata" cc -O2 bench/files/files.c -o "$tmp/fata.xen"
# the file system and its mount come from a line in a file of their own
cat >"$tmp/ext4.c" <<'END'
#include <fata/fs.h>
#include <fata/manifest.h>
FATA_BLOCK("data");
FATA_FS(ext4);
END
"$fata" cc -O2 -w -isystem "$build/include-sqlite" "$speed" "$tmp/ext4.c" \
  "$sqlite" -o "$tmp/speed.xen"
musl_program "$tmp/files" bench/files/files.c
gcc -O2 -w -static -isystem "$build/include-sqlite" "$speed" "$sqlite" \
  -o "$tmp/speed" -lm -lpthread -ldl 2>/dev/null ||
  die "SQLite does not link statically"
speed_args='--size 4 --testset main'
cat >"$tmp/script" <<END
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
bench_lab
modules=()
for m in crc32c_generic crc16 mbcache jbd2 ext4; do
  file=$(find "$FATA_LAB_DIR/pkg/lib/modules" -name "$m.ko" | head -n 1)
  [ -n "$file" ] || die "the lab has no module $m"
  modules+=(-f "$file")
done
lab/dom0-add.sh e2fsprogs -- /sbin/mkfs.ext4 >/dev/null ||
  die "no e2fsprogs in dom0"
guest_config fata "$tmp/fata.xen" "$disk"
guest_config speed "$tmp/speed.xen" "$disk" \
  "extra = \"--mount data:/data:ext4 -- $speed_args /data/speed.db\""

# A new file system, the same for each.
new_disk()
{
  timeout 120 "$fata" lab exec '[ -e /dev/ram0 ] ||
    modprobe brd rd_nr=1 rd_size=98304
    dd if=/dev/zero of=/dev/ram0 bs=1M count=96 2>/dev/null
    mkfs.ext4 -q -F -b 4096 -O has_journal,extents,64bit,flex_bg,metadata_csum\
,dir_index,filetype,huge_file,dir_nlink,extra_isize -E lazy_itable_init=0 \
/dev/ram0' </dev/null || die "no disk in memory"
}

# wait_log NAME PATTERN
wait_log()
{
  timeout 1200 "$fata" lab exec "tries=0
    until grep -qE '$2|FAIL|panic|exit status [1-9]' \
      /var/log/xen/console/guest-$1.log 2>/dev/null; do
      tries=\$((tries + 1))
      [ \$tries -lt 6000 ] || exit 1
      usleep 100000
    done
    tr -d '\r' </var/log/xen/console/guest-$1.log
    while xl domid $1 >/dev/null 2>&1; do usleep 100000; done" </dev/null \
    >"$tmp/$1.log" || die "the guest $1 does not end"
  grep -qE "$2" "$tmp/$1.log" || die "$1: $(tail -1 "$tmp/$1.log")"
}

new_disk
timeout 300 lab/linux-guest.sh -f "$tmp/files" -f "$tmp/speed" "${modules[@]}" \
  -s "$tmp/script" linux "$disk" || die "no Linux guest"
wait_log linux '^bench: all'
new_disk
timeout 120 "$fata" lab exec 'xl create -q /tmp/fata.cfg' </dev/null ||
  die "xl cannot start the Fata guest"
wait_log fata '^bench: done'
timeout 120 "$fata" lab exec 'xl create -q /tmp/speed.cfg' </dev/null ||
  die "xl cannot start the Fata guest"
wait_log speed 'TOTAL'

for who in linux fata; do
  awk -v who=$who '$1 == "row" {
    printf "%s|%s|%s|%s|%s\n", who, $2, $3, $3 == "s" ? "less" : "more", $4
  }' "$tmp/$who.log"
  speed=$tmp/linux.log
  [ $who = linux ] || speed=$tmp/speed.log
  sed -n "s/^ *TOTAL[. ]* \\([0-9.]*\\)s.*/$who|sqlite-speedtest1|s|less|\\1/p" \
    "$speed"
done | bench_table files
