#!/bin/bash
# SPDX-License-Identifier: ISC
#
# bridge.sh - examples/bridge between two bridges of dom0: a guest behind it is
# reached from dom0, with frames of all sizes and large TCP frames both ways.
#
#     dom0 -- xenbr0 -- left [bridge guest] right -- xenbr1 -- guest

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab

a=10.0.2.61
"$fata" lab put "$B/tests/lab/dom0/net" /root/net || broken "cannot put net"
dom0 '[ -e /sys/class/net/xenbr1 ] || brctl addbr xenbr1
  ip link set xenbr1 up' || broken "no second bridge"

guest b "$B/examples/bridge.xen" \
  'vif = ["bridge=xenbr0", "bridge=xenbr1"]' 'memory = 64'
wait_console 30 'bridge: up'
guest a "$B/tests/lab/net.xen" 'memory = 64' 'vif = ["bridge=xenbr1"]' \
  "cmdline = \"--ip $a/24\""
wait_console 30 READY

for size in 56 1472 4000 20000; do
  dom0 "ping -c 3 -W 3 -q -s $size $a" >"$tmp/ping" ||
    fail "ping of $size bytes: $(cat "$tmp/ping")"
done
note "ping: $(tail -1 "$tmp/ping")"
for what in 'in 10' 'out 10' 'udp 50' 'short 50'; do
  # shellcheck disable=SC2086 # words: what and how much
  set -- $what
  timeout 100 "$fata" lab exec "/root/net $1 $a $2" </dev/null ||
    fail "$what: status $?"
done
