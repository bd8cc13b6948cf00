#!/bin/bash
# SPDX-License-Identifier: ISC
#
# net_queues.sh - several queues with a real netback: it offers as many as dom0
# has vCPUs, one in the lab, unless it is told otherwise. Connections are spread
# over all of them by their hash, and every byte arrives.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/net/lib.sh
. "$(dirname "$0")/net/lib.sh"
lab --counted
put_peer
own_bridge
dom0 'echo 4 >/sys/module/xen_netback/parameters/max_queues' ||
  skip "netback's queues cannot be set"

a=10.9.0.40
for queues in 2 4; do
  guest "q$queues" "$B/tests/lab/net.xen" 'memory = 64' \
    "vif = ['bridge=$bridge']" "cmdline = \"--ip $a/24 --net-queues $queues\""
  wait_console 30 READY
  wait_console 30 "queues $queues,"
  # Which queue a connection has is chance: as many as it takes, or 60.
  n=0 tries=0
  while [ "$n" != "$queues" ] && [ $tries -lt 30 ]; do
    tries=$((tries + 1))
    peer 100 in "$(long 1 100)" $a
    peer 100 out "$(long 1 100)" $a
    # netback's interrupts: what each queue was notified of
    dom0 "cat /proc/interrupts" >"$tmp/interrupts"
    n=$(awk '$NF ~ /^vif.*-q[0-9]-tx$/ && $2 >= 5' "$tmp/interrupts" | wc -l)
  done
  expect "queues that carried something" "$n" "$queues"
  destroy "$domain"
done
