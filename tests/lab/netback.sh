#!/bin/bash
# SPDX-License-Identifier: ISC
#
# netback.sh - a driver domain of ours (netback.c) with real xl: a client behind
# it is reached from dom0, with frames of all sizes and large TCP frames both
# ways; the client reboots, is destroyed in the middle of a load, is plugged out
# and in; the driver domain is killed, and another takes its place.
#
#     dom0 -- xenbr0 -- uplink [netback guest] vif -- client

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
lab --counted

a=10.0.2.71
put "$B/tests/lab/dom0/net" /root/net

serve() # NAME
{
  guest "$1" "$B/tests/lab/netback.xen" 'driver_domain = 1' 'memory = 48' \
    'vif = ["bridge=xenbr0"]'
  back=$domain
  wait_console 30 '^serving'
}

client() # NAME
{
  guest "$1" "$B/tests/lab/net.xen" 'memory = 64' 'on_reboot = "restart"' \
    "vif = [\"backend=$back,script=,mac=00:16:3e:00:71:01,ip=$a\"]" \
    "cmdline = \"--ip $a/24\""
  has_address 1
}

# Before it has announced its address the bridge shows what is meant for it to
# everybody, and QEMU's network answers in its place.
has_address() # TIMES
{
  wait_for 30 "address $1 of $domain" "[ \$(grep -c 'interface lan: $a' \
    /var/log/xen/console/guest-$domain.log) -ge $1 ]"
}

try() # WHAT...: as tests/lab/dom0/net.c has it
{
  timeout 100 "$fata" lab exec "/root/net $1 $a $2" </dev/null ||
    fail "$*: status $?"
}

load() # MEGABYTES
{
  for size in 56 20000; do
    dom0 "ping -c 2 -i 0.2 -W 3 -q -s $size $a" >"$tmp/ping" ||
      fail "ping of $size bytes: $(cat "$tmp/ping")"
  done
  note "ping: $(tail -1 "$tmp/ping")"
  try in "$1"
  try out "$1"
}

# The backend's directory of a client that is gone must be gone, too.
cleared() # DOMID
{
  wait_for 20 "the end of client $1" "grep -q '^client $1 gone' \
    /var/log/xen/console/guest-$back.log"
  wait_for 5 "the end of its directory" \
    "! xenstore-ls /local/domain/$(dom0 "xl domid $back")/backend/vif/$1"
}

serve one
client a
load 10
try udp 50
try short 20
id=$(dom0 "xl domid $domain")

note "the client reboots"
dom0 "xl reboot $domain"
wait_for 60 "the reboot" "new=\$(xl domid $domain) && [ \$new != $id ]"
cleared "$id"
has_address 2
load 1
id=$(dom0 "xl domid $domain")

note "the client is destroyed in the middle of a load"
dom0 "(/root/net in $a 50; true) >/dev/null 2>&1 & sleep 1; xl destroy $domain"
cleared "$id"
client b
load 1
id=$(dom0 "xl domid $domain")

note "its interface is plugged out, and in"
dom0 "xl network-detach $domain 0" || fail "xl network-detach"
cleared "$id"
dom0 "xl network-attach $domain backend=$back script= \
  mac=00:16:3e:00:71:01 ip=$a" || fail "xl network-attach"
load 1

note "the driver domain is killed, another serves"
dom0 "xl destroy $back; xl network-detach $domain 0; true"
client=$domain
serve two
domain=$client
dom0 "xl network-attach $domain backend=$back script= \
  mac=00:16:3e:00:71:01 ip=$a" || fail "xl network-attach"
load 1
console "$back" | grep -E 'broken|error' && fail "the driver domain met an error"
id=$(dom0 "xl domid $client")
destroy "$client"
cleared "$id"
