#!/bin/bash
# SPDX-License-Identifier: ISC
#
# net_slaac.sh - a network that only has IPv6: radvd in dom0 announces a prefix,
# itself as router, an MTU and a nameserver (dnsmasq, behind the router). The
# guest takes an address, resolves a name, keeps to the MTU; when the router
# falls silent the address ends with its lifetime, and comes back with it.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/net/lib.sh
. "$(dirname "$0")/net/lib.sh"
cd "$(dirname "$0")/../.." || exit 99
lab --counted
FATA=$fata lab/dom0-add.sh radvd dnsmasq-base -- /usr/sbin/radvd \
  /usr/sbin/dnsmasq || skip "no radvd and dnsmasq for dom0"
own_bridge

cat >"$tmp/radvd.conf" <<END
interface $bridge {
  AdvSendAdvert on;
  MinRtrAdvInterval 3;
  MaxRtrAdvInterval 4;
  AdvDefaultLifetime 40;
  AdvLinkMTU 1400;
  prefix fd00:5::/64 {
    AdvValidLifetime 30;
    AdvPreferredLifetime 20;
  };
  RDNSS fd00:53::53 { AdvRDNSSLifetime 8; };
};
END
put "$tmp/radvd.conf" /tmp/radvd.conf
radvd="radvd -u root -C /tmp/radvd.conf -p /tmp/radvd.pid -m stderr"
dom0 "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding &&
  ip address add fd00:5::1/64 dev $bridge &&
  ip address add fd00:53::53/128 dev lo || exit 1
  dnsmasq -u root -x /tmp/dnsmasq.pid --no-resolv --no-hosts --no-daemon \
    --host-record=printer.lab,fd00:5::77 --listen-address=fd00:53::53 \
    --bind-interfaces >/tmp/dnsmasq.log 2>&1 &
  $radvd >/tmp/radvd.log 2>&1" ||
  broken "no router: $(dom0 'cat /tmp/radvd.log /tmp/dnsmasq.log')"

guest a "$B/tests/lab/net_slaac.xen" "vif = ['bridge=$bridge']" \
  'cmdline = "--ip none -- fd00:53::53"'
wait_console 60 READY
dom0 'kill -9 $(cat /tmp/radvd.pid)' || broken "radvd does not run"
got=$(console "$domain")
mac=$(dom0 "xl network-list $domain" | awk 'NR == 2 { print $3 }')
expect_match "an address of the prefix, and the card" "$got" \
  "^address fd00:5::$(IFS=:; set -- $mac; printf '%x%s:%sff:fe%s:%s%s' \
    $((0x$1 ^ 2)) "$2" "$3" "$4" "$5" "$6")"
expect_match "the nameserver" "$got" '^nameserver fd00:53::53|^nameserver FD00:53::53'
expect_match "a name" "$got" '^printer.lab is fd00:5::77'
expect_match "the MTU" "$got" '^segments of 1340'
wait_console 100 '^gone after'
n=$(console "$domain" | sed -n 's/^gone after \([0-9]*\) s/\1/p')
{ [ "$n" -ge 20 ] && [ "$n" -le 36 ]; } ||
  fail "the address is valid for 30 s, and ended after $n"
dom0 "rm -f /tmp/radvd.pid; $radvd >/tmp/radvd.log 2>&1" || broken "no radvd"
wait_end 60
expect_match "it comes back" "$(console "$domain")" '^again fd00:5:'
note "took an address and a nameserver; gone after $n s, and back"
exit 0
