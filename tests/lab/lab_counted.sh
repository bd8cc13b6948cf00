#!/bin/bash
# SPDX-License-Identifier: ISC
#
# lab_counted.sh - a counted lab, whose clock leaps over idle time, waits for a
# host that is slow: a transfer stands still for a moment, which dom0 may take
# for hours. And QEMU's own network, which would answer in the place of a guest
# that is not there, gets nothing that is not meant for it.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
lab --counted

head -c 30000000 /dev/zero >"$tmp/data"
for after in 0.02 0.05 0.1 0.15; do
  "$fata" lab put "$tmp/data" /tmp/data &
  pid=$!
  sleep $after
  kill -STOP $pid 2>/dev/null
  sleep 0.7
  kill -CONT $pid 2>/dev/null
  wait $pid || fail "a put that stood still after $after s: status $?"
done
expect "its size" "$(dom0 'stat -c %s /tmp/data')" 30000000

# Somebody was there once: dom0 knows a card's address, the bridge does not.
dom0 'arp -s 10.0.2.99 00:16:3e:99:99:99; ping -c 1 -W 3 -q 10.0.2.99' |
  grep -q '100% packet loss' || fail "somebody answers for 10.0.2.99"
dom0 'ping -c 1 -W 3 -q 10.0.2.2' | grep -q ' 0% packet loss' ||
  fail "no ping to the gateway"
