#!/bin/bash
# SPDX-License-Identifier: ISC
#
# net_iperf.sh - iperf3, unchanged from Debian's source package, as a guest: as
# server and as client, to dom0's own iperf3 and to another guest, over TCP and
# UDP, IPv4 and IPv6, both ways, several streams at once. iperf3 itself checks
# that both ends counted the same test; we, that bytes went every way.
#
# The lab counts instructions, and tests end by bytes, not by time: that they
# come does not depend on how busy the machine is.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/net/lib.sh
. "$(dirname "$0")/net/lib.sh"
cd "$(dirname "$0")/../.." || exit 99
# shellcheck source=tests/lab/programs/fetch.sh
. tests/lab/programs/fetch.sh

tcp=$(long 8M 1G) udp=$(long 1M 200M)
image=$tmp/iperf3.xen

build()
{
  local at=$B/src/iperf3

  scripts/src.sh "$at" iperf3 || return
  mkdir -p "$programs/iperf3"
  (
    cd "$programs/iperf3" || exit
    [ -e Makefile ] || quietly "$at/configure" CC="$fata cc" CFLAGS=-O2 \
      --build=x86_64-linux-gnu --host=x86_64-linux-musl --disable-shared \
      --without-openssl --disable-profiling || exit
    rm -f src/iperf3
    quietly make -C src iperf3 && cp src/iperf3 "$image"
  )
}

build || skip "no iperf3 from its source"
# shellcheck disable=SC2119 # no options
lab --counted
FATA=$fata lab/dom0-add.sh iperf3 -- /usr/bin/iperf3 || skip "no iperf3 for dom0"

# carried TEXT: bytes went every way that the test has
carried()
{
  grep -qE 'receiver$' <<<"$1" &&
    ! grep -E 'receiver$' <<<"$1" | grep -qE ' 0\.00 +(Bytes|bits/sec)'
}

# from_dom0 ADDRESS OPTION...
from_dom0()
{
  local got address=$1

  shift
  got=$(timeout 200 "$fata" lab exec \
    "timeout 60 iperf3 -c $address $* 2>&1" </dev/null) ||
    fail "dom0 to $address $*: $got"
  carried "$got" || fail "dom0 to $address $*: nothing carried: $got"
  note "dom0, $address $*: $(grep -E 'receiver$' <<<"$got" | tail -n 1 |
    sed -E 's/.* sec +//; s/ +receiver//')"
}

iperf_guest()
{
  guest "$1" "$image" 'memory = 64' "vif = ['bridge=$bridge']" \
    "cmdline = \"--ip $2/24 -- $3\""
}

own_bridge
iperf_guest server 10.9.0.50 '-s'
wait_console 30 'ip: interface'
server=$domain
v6=$(local_address "$server")

for address in 10.9.0.50 "$v6%$bridge"; do
  for how in "-n $tcp" "-n $tcp -R" "-u -b 200M -n $udp" \
    "-u -b 200M -n $udp -R" "-n $tcp -P 4" "-n $tcp -P 4 -R" \
    "-n $tcp -P 3 --bidir"; do
    from_dom0 "$address" "$how"
  done
done

# Guests as clients: of dom0, and of the first guest.
dom0 "iperf3 -s -D --pidfile /tmp/iperf3.pid" || fail "no server in dom0"
host6=$(dom0 "ip -6 address show dev $bridge" |
  sed -n 's/.*inet6 \(fe80[^/]*\).*/\1/p')
for peer in 10.9.0.1 10.9.0.50 "$host6%2" "$v6%2"; do
  for how in "-n $tcp -P 2" "-n $tcp -R" "-u -b 200M -n $udp" \
    "-u -b 200M -n $udp -R"; do
    iperf_guest client 10.9.0.51 "-c $peer $how"
    timeout 200 "$fata" lab exec "
      tries=0
      while xl domid $domain >/dev/null 2>&1 && [ \$tries -lt 60 ]; do
        sleep 1
        tries=\$((tries + 1))
      done" </dev/null
    got=$(console "$domain" | sed 's/ *$//')
    carried "$got" || fail "guest to $peer $how: $got"
    note "guest, $peer $how: $(grep -E 'receiver$' <<<"$got" | tail -n 1 |
      sed -E 's/.* sec +//; s/ +receiver//')"
    destroy "$domain"
  done
done
exit 0
