#!/bin/bash
# SPDX-License-Identifier: ISC
#
# block.sh - disks on Linux's blkback: what the guest reads is what dom0 wrote,
# and the other way round (cksum), for loads in order, at random, unaligned, in
# pieces and many at a time; on a file, a loop device with sectors of 4 KiB, a
# volume of the device mapper and a disk in memory, with blkback's features and
# without. What comes and goes under load is in block_busy.sh, power cuts in
# block_power.sh.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# counted: the host may be as busy as it likes
lab --counted
# shellcheck source=tests/lab/block_lib.bash
. "$(dirname "$0")/block_lib.bash"
image=$B/tests/lab/block.xen

# check NAME FILE LINE [ARGUMENT...]: a guest that ends by itself
check()
{
  local before name=$1 file=$2 line=$3
  shift 3
  note "$name"
  before=$(crc "$file")
  guest_paused "$name" "$image" 'memory = 64' "cmdline = \"$*\"" \
    "disk = [\"$line\"]"
  # as xl does for "untrusted", which 4.17 does not know for disks
  [ "$name" != untrusted ] ||
    dom0 "xenstore-write \
      /local/domain/\$(xl domid $domain)/device/vbd/51712/trusted 0"
  dom0 "xl unpause $domain" || fail "xl unpause"
  wait_end 120
  expect_match "what it said last" "$(console "$domain")" '^block: ok'
  expect "what it read" "$(said before)" "$before"
  expect "what it wrote" "$(crc "$file")" "$(said after)"
  size=$(console "$domain" | grep '^size')
  up=$(console "$domain" | grep 'vbd/51712: up')
  stat=$(console "$domain" | grep '^stat')
  printf '# %s\n' "$size" "$up" "$stat"
  destroy "$domain"
}

dom0 'dd if=/dev/urandom of=/tmp/disk.img bs=1M count=8; modprobe xen-blkback
  modprobe brd rd_nr=1 rd_size=8192
  cp /tmp/disk.img /tmp/other.img
  cat /tmp/disk.img >/dev/ram0' 2>/dev/null || broken "no disks"
xvda='format=raw, vdev=xvda, access=rw'

check file /tmp/disk.img "$xvda, target=/tmp/disk.img" load
first=$stat
check read-only /tmp/disk.img \
  'format=raw, vdev=xvda, access=ro, target=/tmp/disk.img' readonly
shared=$(sed 's/.*copied \([0-9]*\).*/\1/' <<<"$first")
check untrusted /tmp/disk.img "$xvda, target=/tmp/disk.img" load
expect "more is copied than with trust" \
  "$(($(sed 's/.*copied \([0-9]*\).*/\1/' <<<"$stat") > shared))" 1

block_tools
dom0 '/sbin/losetup -b 4096 /dev/loop7 /tmp/other.img' || broken "losetup"
check sectors-4K /dev/loop7 "$xvda, target=/dev/loop7" load
expect_match "its sectors" "$size" 'sector 4096'
dom0 "losetup -d /dev/loop7"

note "blkback with four queues, the device mapper"
dom0 'modprobe -r xen-blkback; modprobe xen-blkback max_queues=4' ||
  broken "blkback's parameters"
volume lv 16384
check volume /dev/mapper/lv "$xvda, target=/dev/mapper/lv" --block-queues=4 load
expect_match "its queues" "$up" ', 4 x 512 requests'

note "a ring of one page, no persistent grants, a disk in memory"
dom0 'modprobe -r xen-blkback
  modprobe xen-blkback max_ring_page_order=0 feature_persistent=N' ||
  broken "blkback's parameters"
check memory /dev/ram0 "$xvda, target=/dev/ram0" load
expect_match "its ring" "$up" ', 1 x 32 requests'
