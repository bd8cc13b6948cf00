#!/bin/bash
# SPDX-License-Identifier: ISC
#
# firewall.sh - examples/firewall with real xl: Linux as its client reaches a
# server behind it by TCP, UDP and ICMP under the firewall's address, large
# frames both ways; what its rules forbid, what has a false sender and what
# nobody asked for does not pass.
#
#     Linux 10.9.0.2 --vif-- [firewall 10.0.2.80] -- xenbr0 -- server 10.0.2.81

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$(dirname "$0")/../.." || exit 99
lab --counted

server=10.0.2.81
cat >"$tmp/rules" <<END
client 10.9.0.2
action=drop proto=tcp dstports=7005
action=accept dst4=$server
END
put "$tmp/rules" /tmp/rules

guest server "$B/tests/lab/net.xen" 'memory = 64' 'vif = ["bridge=xenbr0"]' \
  "cmdline = \"--ip $server/24\""
wait_console 30 READY
guest wall "$B/examples/firewall.xen" 'driver_domain = 1' 'memory = 32' \
  'vif = ["bridge=xenbr0,ip=10.0.2.80"]' 'ramdisk = "/tmp/rules"' \
  "cmdline = \"--gateway $server --metrics=2s\""
wall=$domain
wait_console 30 '^firewall: up'

cat >"$tmp/script" <<END
#!/bin/sh
ip route del default
ip route add default via 10.9.0.1
says() { echo "\$1: \$(shift; "\$@" 2>&1 | tail -1)"; }
says ping ping -c 3 -W 5 -q $server
says mtu ping -c 2 -W 5 -q -s 1472 $server
says other ping -c 1 -W 1 -q 192.0.2.7
says forbidden nc -w 3 $server 7005 </dev/null
for what in 'in 5' 'out 5' 'udp 1' 'short 20'; do
  set -- \$what
  ./net \$1 $server \$2
  echo "\$1: status \$?"
done
ip address add 10.9.0.3/24 dev eth0
says spoofed ping -c 2 -W 1 -q -I 10.9.0.3 $server
END
client=firewall-client-$$
guests="$guests $client"
FATA=$fata timeout 300 lab/linux-guest.sh -a 10.9.0.2/24 \
  -f "$B/tests/lab/dom0/net" -s "$tmp/script" "$client" \
  "vif = [\"backend=$wall,script=,mac=00:16:3e:00:80:02,ip=10.9.0.2\"]" ||
  broken "no Linux guest"
wait_console 240 'linux-guest: status' "$client"
said=$(console "$client" | sed -n '/^ping:/,$p')
expect_match "ping" "$said" '^ping: round-trip'
expect_match "a whole frame" "$said" '^mtu: round-trip'
expect_match "another address" "$said" '^other: .*100% packet loss'
for what in in out udp short; do
  expect_match "$what" "$said" "^$what: status 0"
done
expect_match "a false sender" "$said" '^spoofed: .*100% packet loss'
grep '^ping:\|^forbidden' <<<"$said"

# from outside, unasked
dom0 "ip route add 10.9.0.0/24 via 10.0.2.80
  ping -c 1 -W 1 -q 10.9.0.2; ping -c 1 -W 1 -q 10.0.2.80
  ip route del 10.9.0.0/24" | grep -c '100% packet loss' >"$tmp/lost"
expect "pings from outside that are lost" "$(cat "$tmp/lost")" 2
wait_console 30 'client .* is gone' "$wall"
wait_console 20 'firewall.unasked=[1-9]' "$wall"
counted=$(console "$wall" | grep 'firewall.forbidden=' | tail -1)
note "${counted#*metrics: }"
expect_match "what was forbidden" "$counted" 'firewall.forbidden=[1-9]'
expect_match "what was spoofed" "$counted" 'firewall.spoofed=[1-9]'
expect_match "what nobody asked for" "$counted" 'firewall.unasked=[1-9]'
expect_match "large frames" "$(console "$wall")" \
  'net.tx.large=[1-9].*net.rx.large=[1-9]'
