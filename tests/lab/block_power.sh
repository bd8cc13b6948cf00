#!/bin/bash
# SPDX-License-Identifier: ISC
#
# block_power.sh - power cuts: a guest that writes numbered records and flushes
# is destroyed at random moments, paused before or not; what it was told is
# durable is there in its next life. FATA_SOAK=1: 300 times.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# counted: the host may be as busy as it likes
lab --counted
cuts=${FATA_SOAK:+300}
put "$B/tests/lab/block_power.xen" /tmp/power.xen
cat >"$tmp/lives" <<'END'
# lives N FIRST: N cuts; prints what was told before each, or what went wrong
name=block-power
log=/var/log/xen/console/guest-$name.log
told=$2
for i in $(seq $1); do
  rm -f $log
  cat >/tmp/power.cfg <<X
name = "$name"
type = "pvh"
kernel = "/tmp/power.xen"
memory = 32
vcpus = 1
tsc_mode = "native"
on_crash = "preserve"
on_poweroff = "preserve"
cmdline = "$told"
disk = ["format=raw, vdev=xvda, access=rw, target=/tmp/power.img"]
X
  xl create -q /tmp/power.cfg 2>/dev/null || exit 1
  at=/local/domain/$(xl domid $name)/data/told
  tries=0
  until grep -q '^power: all' $log 2>/dev/null; do
    tries=$((tries + 1))
    if [ $tries = 600 ] || grep -q FAIL $log; then
      cat $log
      exit 1
    fi
    usleep 50000
  done
  usleep $((RANDOM * 3))
  [ $((RANDOM % 2)) = 0 ] || xl pause $name
  now=$(xenstore-read $at 2>/dev/null) && told=$now
  xl destroy $name
  echo $told
done
END
put "$tmp/lives" /tmp/lives
dom0 'dd if=/dev/zero of=/tmp/power.img bs=1M count=1 2>/dev/null'

told=0 left=${cuts:-8}
while [ "$left" -gt 0 ]; do
  n=$((left < 10 ? left : 10))
  timeout 600 "$fata" lab exec "sh /tmp/lives $n $told" </dev/null \
    >"$tmp/said" 2>&1 || {
    cat "$tmp/said"
    fail "after $told"
  }
  told=$(tail -1 "$tmp/said") left=$((left - n))
  [ "$told" -gt 0 ] || fail "nothing was written"
done
note "${cuts:-8} cuts, $told records told"
