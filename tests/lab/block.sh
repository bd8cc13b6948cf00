#!/bin/bash
# SPDX-License-Identifier: ISC
#
# block.sh - disks on Linux's blkback: what the guest reads is what dom0 wrote,
# and the other way round, on a file and on a block device, with the backend's
# features and without; detach, attach, resize, save and restore under load.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# counted: the host may be as busy as it likes
lab --counted
image=$B/tests/lab/block.xen

# crc FILE: of a file in dom0
crc()
{
  dom0 "cat $1" | cksum | cut -d " " -f 1
}

# said WHAT: the CRC that the guest printed
said()
{
  console "$domain" | sed -n "s/^crc $1: //p"
}

# check DISK MODE LINE: a guest that ends by itself
check()
{
  local before
  before=$(crc "$1")
  guest "$2" "$image" 'memory = 96' "cmdline = \"$2\"" "$3"
  wait_end 120
  expect_match "what it said last" "$(console "$domain")" '^block: ok'
  expect "what it read" "$(said before)" "$before"
  expect "what it wrote" "$(crc "$1")" "$(said after)"
  note "$(console "$domain" | grep '^stat')"
}

dom0 'dd if=/dev/urandom of=/tmp/disk.img bs=1M count=16; modprobe xen-blkback
  modprobe brd rd_nr=1 rd_size=16384
  cat /tmp/disk.img >/dev/ram0' 2>/dev/null || broken "no disks"

note "a file, all features"
check /tmp/disk.img load \
  'disk = ["format=raw, vdev=xvda, access=rw, target=/tmp/disk.img"]'
note "read-only"
check /tmp/disk.img readonly \
  'disk = ["format=raw, vdev=xvda, access=ro, target=/tmp/disk.img"]'
note "a block device, a ring of one page, no persistent grants"
dom0 'modprobe -r xen-blkback
  modprobe xen-blkback max_ring_page_order=0 feature_persistent=N' ||
  broken "blkback's parameters"
check /dev/ram0 load \
  'disk = ["format=raw, vdev=xvda, access=rw, target=/dev/ram0"]'
dom0 'modprobe -r xen-blkback; modprobe xen-blkback'

# connected N: until the guest has been connected so often
connected()
{
  wait_for 60 "connection $1" "[ \$(grep -c 'vbd/51712: up' \
    /var/log/xen/console/guest-$domain.log) -ge $1 ]"
  sleep 1
}

# --- under load ------------------------------------------------------------

dom0 'dd if=/tmp/disk.img of=/tmp/busy.img bs=1M count=4' 2>/dev/null
before=$(crc /tmp/busy.img)
config='format=raw, vdev=xvda, access=rw, target=/tmp/busy.img'
guest busy "$image" 'memory = 32' 'cmdline = "busy"' "disk = [\"$config\"]"
wait_console 60 '^round 1'
expect "what it read" "$(said before)" "$before"

note "save and restore"
for i in 1 2; do
  dom0 "xl save $domain /tmp/$domain.save && xl restore /tmp/$domain.save &&
    rm /tmp/$domain.save" >"$tmp/xl" 2>&1 || { cat "$tmp/xl"; fail "xl save"; }
  connected $((i + 1))
done

note "detach and attach"
for i in 1 2; do
  dom0 "xl block-detach $domain xvda && xl block-attach $domain '$config'" \
    >"$tmp/xl" 2>&1 || { cat "$tmp/xl"; fail "xl block-detach"; }
  connected $((i + 3))
done
dom0 "xenstore-write /local/domain/\$(xl domid $domain)/data/stop 1"
wait_end 120
expect_match "what it said last" "$(console "$domain")" '^block: ok'
expect "what it wrote" "$(crc /tmp/busy.img)" "$(said after)"
stat=$(console "$domain" | grep '^stat')
note "$stat"
expect_match "connections" "$stat" 'connects 5$'
