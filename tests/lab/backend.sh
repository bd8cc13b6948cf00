#!/bin/bash
# SPDX-License-Identifier: ISC
#
# backend.sh - a backend of ours as a daemon in dom0 (tests/unix/blkback.c): a
# guest's own blkfront connects to it; the daemon is killed, or told to end, in
# the middle of a load, and another takes its place, once over xenstored's
# socket and once over the kernel's device. Every request is done once: what
# the guest wrote is what the file holds.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
# counted: the host may be as busy as it likes
lab --counted
# shellcheck source=tests/lab/block_lib.bash
. "$(dirname "$0")/block_lib.bash"

"$fata" cc -t unix -O1 -g -Wall -Wextra -I"$B/pkg/dev/usr/include" \
  "$here/../unix/blkback.c" -o "$tmp/blkback" || broken "it does not build"
put "$tmp/blkback" /root/blkback
dom0 'dd if=/dev/urandom of=/tmp/disk.img bs=1M count=4' 2>/dev/null

fail()
{
  echo "FAIL: $*" >&2
  dom0 'tail -n 30 /tmp/blkback.out' >&2
  exit 1
}

connections=0
connected()
{
  connections=$((connections + 1))
  wait_for 60 "connection $connections" "[ \$(grep -c ': connected' \
    /tmp/blkback.out) -ge $connections ] && [ \$(grep -c 'vbd/51712: up' \
    /var/log/xen/console/guest-$domain.log) -ge $connections ]"
}

starts=0
start() # [VARIABLE=VALUE]
{
  starts=$((starts + 1))
  pid=$(dom0 "$* /root/blkback --block data=/tmp/disk.img \
    >>/tmp/blkback.out 2>&1 </dev/null & echo \$!")
  wait_for 20 "the daemon's start" \
    "[ \$(grep -c '^serving' /tmp/blkback.out) = $starts ]"
}

before=$(crc /tmp/disk.img)
dom0 'rm -f /tmp/blkback.out'
start
guest_paused busy "$B/tests/lab/block.xen" 'memory = 48' 'cmdline = "busy"'
# what xl writes for a disk whose backend is a process in dom0
dom0 "id=\$(xl domid $domain)
  front=/local/domain/\$id/device/vbd/51712
  back=/local/domain/0/backend/fata-disk/\$id/51712
  xenstore-write \$front '' \$back ''
  xenstore-chmod \$front n\$id r0
  xenstore-chmod \$back n0 r\$id
  xenstore-write \$front/backend \$back \$front/backend-id 0 \
    \$front/virtual-device 51712 \$front/device-type disk \$front/state 1 \
    \$back/frontend-id \$id \$back/online 1 \$back/state 1 \
    \$back/frontend \$front
  xl unpause $domain" || broken "cannot plug the disk in"
connected
wait_console 60 '^round 1'
expect "what it read" "$(said before)" "$before"

again() # SIGNAL [VARIABLE=VALUE]
{
  note "the daemon gets $1; the next${2:+ with $2}"
  dom0 "kill -$1 $pid; sleep 1; ! kill -0 $pid" 2>/dev/null ||
    fail "the daemon lives"
  shift
  start "$@"
  connected
  dom0 "usleep 500000"
}

again KILL
again TERM XENSTORED_PATH=/dev/xen/xenbus
again KILL XENSTORED_RUNDIR=/run/xenstored

dom0 "xenstore-write /local/domain/\$(xl domid $domain)/data/stop 1"
wait_end 120
expect_match "what it said last" "$(console "$domain")" '^block: ok'
expect "why it ended" "$(end_reason)" 0
expect "what it wrote" "$(crc /tmp/disk.img)" "$(said after)"
console "$domain" | sed -n 's/^stat/# stat/p'
out=$(dom0 'cat /tmp/blkback.out')
grep -E 'request|broken|panic' <<<"$out" | grep -v disconnected &&
  fail "the daemon met an error"
destroy "$domain"
dom0 "xenstore-rm /local/domain/0/backend/fata-disk"
wait_for 20 "the backend's end" "grep -q 51712: removed /tmp/blkback.out"
dom0 "kill $pid"
