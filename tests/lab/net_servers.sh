#!/bin/bash
# SPDX-License-Identifier: ISC
#
# net_servers.sh - somebody else's server, unchanged from Debian's source
# package, on our sockets: microsocks, a SOCKS5 server with a thread for each
# connection. dom0 asks it for a page of the web server of the examples, five
# times at once.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$(dirname "$0")/../.." || exit 99
scripts/src.sh "$B/src/microsocks" microsocks || skip "no source of microsocks"
"$fata" cc -O2 -std=c99 "$B"/src/microsocks/*.c -o "$tmp/microsocks.xen" ||
  fail "microsocks does not build"
# shellcheck disable=SC2119 # no options
lab

guest http "$B/examples/http.xen" 'memory = 32' 'vif = ["bridge=xenbr0"]' \
  'cmdline = "--ip 10.0.2.20/24"'
wait_console 30 'ip: interface lan'
guest socks "$tmp/microsocks.xen" 'memory = 32' 'vif = ["bridge=xenbr0"]' \
  'cmdline = "--ip 10.0.2.30/24 -- -p 1080"'
wait_console 30 'ip: interface'

# Method; connect to 10.0.2.20 port 80; the request itself. microsocks ends a
# connection as soon as one side has nothing more to say.
got=$(dom0 "for i in 1 2 3 4 5; do
    (printf '\\5\\1\\0'; sleep 2
      printf '\\5\\1\\0\\1\\12\\0\\2\\24\\0\\120'; sleep 2
      printf 'GET / HTTP/1.0\r\n\r\n'; sleep 4) |
      nc -w 20 10.0.2.30 1080 >/tmp/page\$i &
  done; wait; cat /tmp/page?; rm /tmp/page?" | tr -d '\0')
expect "pages through microsocks" "$(grep -ca '<h1>It works' <<<"$got")" 5
exit 0
