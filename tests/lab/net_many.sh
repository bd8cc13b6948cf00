#!/bin/bash
# SPDX-License-Identifier: ISC
#
# net_many.sh - many connections with a guest of 64 MiB: 10,000 that are open at
# the same time, and thousands of short ones, in a soak a million. Afterwards
# as much memory is in use as before.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/net/lib.sh
. "$(dirname "$0")/net/lib.sh"
# shellcheck disable=SC2119 # no options
lab
put_peer

# Enough ports for those that wait a minute after their end (TIME_WAIT), and
# none of them forgotten early: its peer's end would be answered by a reset.
dom0 'cd /proc/sys/net/ipv4 && echo 1024 65535 >ip_local_port_range &&
  echo 100000 >tcp_max_tw_buckets' || broken "cannot set dom0's ports"

a=10.0.2.46
net_guest many $a
peer "$(long 200 40000)" short "$(long 4000 1000000)" $a
peer "$(long 400 4000)" open 10000 $a
grep -o '^10000 connections, .* bytes each' "$tmp/peer" | sed 's/^/# /'
peer 100 short 200 $a # and it still serves
