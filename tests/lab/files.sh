#!/bin/bash
# SPDX-License-Identifier: ISC
#
# files.sh - ext4 in a guest and in Linux on the same disk: a tree that one
# writes is what the other sees; a guest destroyed at random moments under a
# load of files loses nothing that it had acknowledged. e2fsck after each.
# FATA_SOAK=1: hundreds of such moments.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# counted: the host may be as busy as it likes
lab --counted
image=$B/tests/lab/files.xen
cuts=2
[ -z "${FATA_SOAK:-}" ] || cuts=200
disk='disk = ["format=raw, vdev=xvda, access=rw, target=/tmp/disk.img"]'

# clean: e2fsck in dom0 finds nothing
clean()
{
  dom0 "fsck.ext4 -fn /tmp/disk.img" >"$tmp/fsck" 2>&1 ||
    { cat "$tmp/fsck"; fail "e2fsck"; }
}

# files WORD: a guest that ends by itself
files()
{
  guest "$1" "$image" 'memory = 64' "$disk" \
    "cmdline = \"$1 --mount data:/data:ext4\""
  wait_end 300
  console "$domain" >"$tmp/console"
  grep -q '^files: ok' "$tmp/console" ||
    fail "$1: $(tail -n 3 "$tmp/console")"
  destroy "$domain"
}

# linux: the tree as Linux sees it, in the guest's words
linux()
{
  local t=$tmp/tree

  rm -rf "$t"
  mkdir "$t"
  timeout 120 "$fata" lab exec 'mkdir -p /tmp/m
    mount -o loop /tmp/disk.img /tmp/m && tar -C /tmp/m -czf /tmp/m.tar .
    umount /tmp/m' </dev/null || fail "Linux cannot mount it"
  "$fata" lab get /tmp/m.tar "$tmp/m.tar" ||
    "$fata" lab get /tmp/m.tar "$tmp/m.tar" || broken "lab get"
  dom0 'rm -f /tmp/m.tar'
  tar --numeric-owner -xpf "$tmp/m.tar" -C "$t" || broken "tar"
  (cd "$t" && find . -printf '%y\t%m\t%U\t%G\t%T@\t%n\t/%P\t%l\n') |
    while IFS=$'\t' read -r type mode uid gid time links path target; do
      time=${time%%.*}
      case $type in
      d) echo "L $path d $mode $uid $gid $time" ;;
      l) echo "L $path l $target" ;;
      f)
        read -r crc size _ < <(cksum "$t$path")
        echo "L $path f $mode $uid $gid $time $links $size $crc"
        ;;
      esac
    done | sort
}

same()
{
  grep '^L ' "$tmp/console" | sort >"$tmp/guest.list"
  linux >"$tmp/linux.list"
  [ "$(wc -l <"$tmp/linux.list")" -gt "$1" ] || fail "too few files"
  diff "$tmp/guest.list" "$tmp/linux.list" >"$tmp/diff" ||
    { head -20 "$tmp/diff"; fail "the trees differ"; }
  note "$(wc -l <"$tmp/linux.list") names, the same in both"
}

# ext4's checksums; a lab that was built before it had the module is given it
dom0 'modprobe crc32c_generic' 2>/dev/null || {
  module=$(find "${FATA_LAB_DIR:-$B/lab}/pkg/lib/modules" \
    -name crc32c_generic.ko | head -n 1)
  "$fata" lab put "$module" /tmp/crc32c.ko && dom0 'insmod /tmp/crc32c.ko' ||
    broken "no crc32c in dom0"
}
# busybox has an mke2fs of its own, hence this name; there is no mke2fs.conf
FATA=$fata "$(dirname "$0")/../../lab/dom0-add.sh" e2fsprogs -- \
  /sbin/mkfs.ext4 /sbin/fsck.ext4 || broken "no e2fsprogs in dom0"
mkfs='mkfs.ext4 -q -F -b 4096 -O has_journal,extents,64bit,flex_bg'
mkfs=$mkfs,metadata_csum,dir_index,filetype,huge_file,dir_nlink,extra_isize
dom0 "modprobe loop; modprobe ext4
  dd if=/dev/zero of=/tmp/disk.img bs=1M count=24 &&
  $mkfs /tmp/disk.img" \
  >"$tmp/mkfs" 2>&1 || { cat "$tmp/mkfs"; broken "no disk"; }

note "what the guest writes"
files write
clean
same 1000

note "what Linux writes"
timeout 120 "$fata" lab exec 'mount -o loop /tmp/disk.img /tmp/m && cd /tmp/m &&
  rm -r many moved sparse && mkdir dir && cd dir &&
  i=0; while [ $i -lt 2000 ]; do : >"a-name-of-some-length-$i"; i=$((i + 1)); done
  dd if=/dev/urandom of=../random bs=1000 count=3000 2>/dev/null
  ln ../random hard; ln -s /tmp/where/ever soft; chmod 600 ../random
  cd /; umount /tmp/m' </dev/null || broken "Linux"
files list
clean
same 2000

# --- the plug ---------------------------------------------------------------

# lives SEED N HAD ACK CONFIG...: N times a guest of the next CONFIG that is
# destroyed at a random moment after its first ACK. Prints what each found
# (HAD) and the last that it acknowledged; ends at what is wrong.
cat >"$tmp/lives" <<'END'
RANDOM=$1 n=$2 had=$3 ack=$4
shift 4
while [ $n -gt 0 ]; do
  config=$1
  shift
  set -- "$@" $config
  name=$(sed -n 's/^name = "\(.*\)"/\1/p' $config)
  log=/var/log/xen/console/guest-$name.log
  rm -f $log
  xl create -e -q $config 2>/dev/null || exit 1
  tries=0
  until grep -q "^$ack " $log 2>/dev/null; do
    tries=$((tries + 1))
    if [ $tries = 6000 ] || grep -qE 'panic|exit status [1-9]' $log; then
      cat $log
      exit 1
    fi
    usleep 20000
  done
  usleep $((RANDOM * 3))
  xl destroy $name
  usleep 200000 # until the console daemon has seen all
  tr -d '\r' <$log | awk -v had=$had -v ack=$ack '
    $1 == had { h = $2 } $1 == ack && NF == 2 { a = $2 } END { print h, a }'
  n=$((n - 1))
done
END
put "$tmp/lives" /tmp/lives

# config NAME LINE: /tmp/NAME.cfg in dom0
config()
{
  guests="$guests cut-$1"
  printf '%s\n' "name = \"cut-$1\"" 'type = "pvh"' "kernel = \"/tmp/cut.xen\"" \
    'memory = 32' 'vcpus = 1' 'tsc_mode = "native"' 'on_crash = "preserve"' \
    'on_poweroff = "preserve"' "cmdline = \"$2\"" "$disk" >"$tmp/cfg"
  put "$tmp/cfg" "/tmp/$1.cfg"
}

# cut HAD ACK CONFIG...: each life finds all that those before acknowledged.
# Sets $acked.
cut()
{
  local left=$cuts n had ack

  acked=0
  while [ "$left" -gt 0 ]; do
    n=$((left < 10 ? left : 10)) left=$((left - n))
    timeout 900 "$fata" lab exec "sh /tmp/lives $RANDOM $n $*" </dev/null \
      >"$tmp/said" 2>&1 || {
      cat "$tmp/said"
      fail "after $acked"
    }
    while read -r had ack; do
      [ "$had" -ge "$acked" ] || fail "$acked acknowledged, $had there"
      acked=$ack
    done <"$tmp/said"
    # what Linux would find: a journal that e2fsck replays, and no fault
    dom0 "cp /tmp/disk.img /tmp/copy.img; fsck.ext4 -fy -E journal_only \
      /tmp/copy.img; fsck.ext4 -fn /tmp/copy.img" >"$tmp/fsck" 2>&1 ||
      { cat "$tmp/fsck"; fail "e2fsck with $left cuts to go"; }
    [ "$left" = 0 ] || note "$left to go, $acked acknowledged"
  done
}

note "$cuts times destroyed under a load of files"
dom0 "$mkfs -b 1024 -J size=4 /tmp/disk.img" # three groups of blocks
put "$image" /tmp/cut.xen
config load 'load --mount data:/data:ext4'
cut have ack /tmp/load.cfg
files check
had=$(sed -n 's/^have //p' "$tmp/console")
[ "$had" -ge "$acked" ] || fail "the last cut: $acked acknowledged, $had there"
clean
note "$had records, none lost"

note "$cuts times under SQLite"
dom0 "$mkfs -J size=4 /tmp/disk.img"
put "$B/examples/sqlite.xen" /tmp/cut.xen
for journal in delete wal; do
  config $journal "--mount data:/data:ext4 --rounds -1 --journal $journal"
done
cut found committed /tmp/delete.cfg /tmp/wal.cfg
guest sql "$B/examples/sqlite.xen" 'memory = 64' "$disk" \
  'cmdline = "--mount data:/data:ext4 --rounds 3"'
wait_end 120
console "$domain" >"$tmp/console"
had=$(sed -n 's/^found \(.*\) moves/\1/p' "$tmp/console")
[ "${had:-0}" -ge "$acked" ] ||
  fail "the last cut: $acked committed, $had found: $(tail -n 3 "$tmp/console")"
expect "how it ended" "$(end_reason)" 0
clean
note "$had moves, none lost"
