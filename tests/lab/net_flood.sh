#!/bin/bash
# SPDX-License-Identifier: ISC
#
# net_flood.sh - a guest of 16 MiB gets more than it can take: connections that
# are only asked for, datagrams, frames of unknown kinds, and connections whose
# data is more than its memory. It drops and counts, serves a connection that
# was there before, and afterwards everybody, with as much memory as before.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/net/lib.sh
. "$(dirname "$0")/net/lib.sh"
# shellcheck disable=SC2119 # no options
lab
put_peer
"$fata" lab put "$B/tests/lab/dom0/flood" /root/flood || broken "cannot put flood"
own_bridge

a=10.9.0.47
net_guest small $a 'memory = 16'
wait_for 30 "an answer" "ping -c 1 -W 1 $a"
used()
{
  peer 60 stat 1 $a >&2
  awk '{ print $2 + $4 }' "$tmp/peer"
}

served()
{
  peer 100 in 2 $a
  peer 100 out 2 $a
  peer 100 udp 20 $a
}

flood()
{
  local start=$SECONDS

  timeout "$(long 200 4000)" "$fata" lab exec "/root/flood $1 $a $2" \
    </dev/null >"$tmp/flood" 2>&1 ||
    fail "$1 $2: status $?: $(cat "$tmp/flood")"
  note "$1 $2: $((SECONDS - start)) s $(cat "$tmp/flood")"
}

served
before=$(used)
flood syn "$(long 3000 1000000)"
served
flood udp "$(long 1500 300000)"
served
flood frames "$(long 2000 1000000)"
served
# The guest reads the first of these only, until they end.
flood crowd 200
served
tries=0
until after=$(used) && [ "$after" -lt $((before + 65536)) ]; do
  tries=$((tries + 1))
  [ $tries -lt 30 ] || fail "memory in use: $before before, $after after"
  sleep 2
done
note "memory in use: $before before, $after after"
expect_match "what was dropped is counted" "$(cat "$tmp/peer")" 'dropped [1-9]'
[ -n "$(dom0 "xl domid $domain")" ] || fail "the guest is gone"
