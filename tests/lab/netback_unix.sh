#!/bin/bash
# SPDX-License-Identifier: ISC
#
# netback_unix.sh - the network backend as a daemon in dom0 (netback.c, made
# with -t unix): two guests that it serves reach each other; it is killed, and
# another takes its place.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
lab --counted

"$fata" cc -t unix -O1 -g -Wall -Wextra -I"$B/pkg/dev/usr/include" \
  "$here/netback.c" -o "$tmp/netback" || broken "it does not build"
put "$tmp/netback" /root/netback

start()
{
  pid=$(dom0 "/root/netback --net uplink=packet:xenbr0 --netback-class=fata-net \
    >>/tmp/netback.out 2>&1 </dev/null & echo \$!")
  wait_for 20 "the daemon's start" \
    "[ \$(grep -c '^serving' /tmp/netback.out) = $1 ]"
}

# What xl writes for an interface whose backend is a process in dom0.
plug() # GUEST NUMBER
{
  dom0 "id=\$(xl domid $1)
    front=/local/domain/\$id/device/vif/0
    back=/local/domain/0/backend/fata-net/\$id/0
    xenstore-write \$front '' \$back ''
    xenstore-chmod \$front n\$id r0
    xenstore-chmod \$back n0 r\$id
    xenstore-write \$front/backend \$back \$front/backend-id 0 \
      \$front/handle 0 \$front/mac 00:16:3e:00:90:0$2 \$front/state 1 \
      \$back/frontend-id \$id \$back/online 1 \$back/state 1 \
      \$back/mac 00:16:3e:00:90:0$2 \$back/handle 0 \$back/frontend \$front
    xl unpause $1" || broken "cannot plug the interface in"
}

dom0 'rm -f /tmp/netback.out'
start 1
guest_paused server "$B/tests/lab/net.xen" 'memory = 64' \
  'cmdline = "--ip 10.0.9.1/24"'
server=$domain
plug "$server" 1
wait_console 30 READY

talk() # NAME
{
  guest_paused "$1" "$B/tests/lab/net.xen" 'memory = 64' \
    'cmdline = "--ip 10.0.9.2/24 -- client 10.0.9.1"'
  plug "$domain" 2
  wait_end 90
  expect_match "what the guests said" "$(console "$domain")" \
    '^between guests: same'
  expect_match "datagrams" "$(console "$domain")" '0 lost'
  destroy "$domain"
  dom0 "xenstore-rm /local/domain/0/backend/fata-net/\$(xenstore-list \
    /local/domain/0/backend/fata-net | tail -1)"
}

talk a
note "the daemon is killed; the next"
dom0 "kill -KILL $pid; sleep 1"
start 2
wait_for 60 "the server's new connection" \
  "[ \$(grep -c ': up,' /var/log/xen/console/guest-$server.log) -ge 2 ]"
talk b
out=$(dom0 'cat /tmp/netback.out')
grep '^client' <<<"$out"
grep -E 'broken|panic' <<<"$out" && fail "the daemon met an error"
dom0 "kill $pid"
