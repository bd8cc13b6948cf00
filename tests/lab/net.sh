#!/bin/bash
# SPDX-License-Identifier: ISC
#
# net.sh - TCP/IP over a real netback, IPv4 and IPv6, with dom0 and with another
# guest: echoes of all sizes, transfers both ways compared byte by byte.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/net/lib.sh
. "$(dirname "$0")/net/lib.sh"
# shellcheck disable=SC2119 # no options
lab
put_peer

a=10.0.2.40
net_guest a $a
first=$domain
v6=$(local_address "$first")

# --- ping --------------------------------------------------------------------

# Every size around a border, and some between: one echo each, in one command.
timeout 300 "$fata" lab exec "for size in 0 1 8 56 57 500 1000 1400 1451 1452 \
    1453 1471 1472 1473 2000 2944 2945 4000 8000 16000 20000 40000 65487; do
      ping -c 1 -W 5 -q -s \$size $a >/dev/null || { echo \$size; exit 1; }
      ping6 -c 1 -W 5 -q -s \$size $v6%xenbr0 >/dev/null ||
        { echo v6 \$size; exit 1; }
    done" </dev/null >"$tmp/ping" || fail "no echo of $(cat "$tmp/ping") bytes"
dom0 "ping -c 1 -W 5 -q -s 65507 $a" >/dev/null || fail "no echo of 65507 bytes"
# more than 64 KiB with its header: not for us, and no reason to end
dom0 "ping6 -c 1 -W 1 -q -s 65507 $v6%xenbr0; ping -c 1 -q $a" >/dev/null ||
  fail "a packet of more than 64 KiB"
[ -z "${FATA_SOAK:-}" ] ||
  timeout 3000 "$fata" lab exec "size=0; while [ \$size -le 3000 ]; do
      ping -c 1 -W 5 -q -s \$size $a >/dev/null || { echo \$size; exit 1; }
      size=\$((size + 1))
    done" </dev/null >"$tmp/ping" || fail "no echo of $(cat "$tmp/ping") bytes"

# --- with dom0 ---------------------------------------------------------------

for address in $a "$v6%xenbr0"; do
  peer 300 in "$(long 20 500)" "$address"
  peer 300 out "$(long 20 500)" "$address"
  peer 120 udp "$(long 50 2000)" "$address"
done

# --- with another guest --------------------------------------------------------

for address in $a "$v6%lan"; do
  guest "b" "$B/tests/lab/net.xen" 'memory = 64' 'vif = ["bridge=xenbr0"]' \
    "cmdline = \"--ip 10.0.2.41/24 -- client $address\""
  wait_end 120
  expect_match "two guests, $address" "$(console "$domain")" \
    '^between guests: same'
  expect_match "two guests, $address" "$(console "$domain")" \
    '^datagrams between guests: 0 lost'
  expect_match "two guests, $address" "$(console "$domain")" \
    '^pings between guests: 0 lost'
  destroy "$domain"
done

# --- to itself ---------------------------------------------------------------

for image in loopback sockets; do
  guest $image "$B/tests/lab/$image.xen"
  wait_end 60
  expect "$image" "$(end_reason)" 0
done
