#!/bin/bash
# SPDX-License-Identifier: ISC
#
# net.sh - TCP/IP over a real netback: echoes of all sizes, fragments too, TCP
# both ways and UDP, compared byte by byte.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab

a=10.0.2.40
"$fata" lab put "$B/tests/lab/dom0/net" /root/net || broken "cannot put net"

# peer SECONDS WHAT N [ADDRESS]
peer()
{
  timeout "$1" "$fata" lab exec "/root/net $2 ${4:-$a} $3" </dev/null ||
    fail "$2 $3: status $?"
}

image=$B/tests/lab/net.xen
guest a "$image" 'memory = 64' 'vif = ["bridge=xenbr0"]' \
  "cmdline = \"--ip $a/24\""
wait_console 30 READY

# --- ping --------------------------------------------------------------------

for size in 56 57 500 1000 1471 1472 4000 20000; do
  dom0 "ping -c 3 -W 3 -q -s $size $a" >"$tmp/ping" ||
    fail "ping of $size bytes: $(cat "$tmp/ping")"
done
note "ping: $(tail -1 "$tmp/ping")"

# --- transfers ---------------------------------------------------------------

peer 120 in 50
peer 120 out 50
peer 60 udp 100
peer 200 short 300

# --- to itself ---------------------------------------------------------------

guest loop "$B/tests/lab/loopback.xen"
wait_end 60
expect "sockets within the guest" "$(end_reason)" 0
