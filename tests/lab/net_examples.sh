#!/bin/bash
# SPDX-License-Identifier: ISC
#
# net_examples.sh - the servers among the examples, each asked by dom0: http
# with the files of a boot module, proxy in front of it, dns with its zone,
# udp-echo. And the same web server with an address by DHCP.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/net/lib.sh
. "$(dirname "$0")/net/lib.sh"
# shellcheck disable=SC2119 # no options
lab
put_peer
root=$(cd "$(dirname "$0")/../.." && pwd)

# example NAME WORDS [LINE...]: a guest of that example
example()
{
  local name=$1 words=$2

  shift 2
  guest "$name" "$B/examples/$name.xen" 'memory = 32' \
    "vif = ['bridge=$bridge']" "cmdline = \"$words\"" "$@"
  wait_console 30 "^$name: port"
  wait_console 30 'ip: interface lan: '
}

# get ADDRESS PATH: the body of an answer. (busybox's wget looks names up in a
# way that a static program of glibc's cannot.)
get()
{
  dom0 "printf 'GET $2 HTTP/1.0\r\n\r\n' | nc -w 20 $1 80 |
    sed '1,/^\r*\$/d'"
}

# --- http ---------------------------------------------------------------------

mkdir -p "$tmp/site/deep"
head -c 225000 /dev/urandom | base64 >"$tmp/site/deep/file.txt"
echo '<p>start</p>' >"$tmp/site/index.html"
tar -C "$tmp/site" -cf "$tmp/site.tar" .
"$fata" lab put "$tmp/site.tar" /tmp/site.tar || broken "cannot put the site"
example http '--ip 10.0.2.20/24' 'ramdisk = "/tmp/site.tar"'
expect "the first page" "$(get 10.0.2.20 /)" '<p>start</p>'
expect "a file" "$(get 10.0.2.20 /deep/file.txt | sha256sum)" \
  "$(sha256sum <"$tmp/site/deep/file.txt")"
# three requests in one connection, the last one ends it
got=$(dom0 "printf 'GET / HTTP/1.1\r\nHost: a\r\n\r\nHEAD /none HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\n' |
  nc -w 20 10.0.2.20 80" | tr -d '\r')
expect "keep-alive" "$(grep -c '^HTTP/1.1 200 OK' <<<"$got")" 2
expect "a file that is not there" \
  "$(grep -c '^HTTP/1.1 404 Not Found' <<<"$got")" 1
expect "pages" "$(grep -c start <<<"$got")" 2
expect_match "a method" \
  "$(dom0 "printf 'PUT / HTTP/1.1\r\n\r\n' | nc -w 20 10.0.2.20 80")" \
  '^HTTP/1.1 405'
expect "above the root" "$(get 10.0.2.20 /../x)" 'not found'

# --- proxy --------------------------------------------------------------------

example proxy '--ip 10.0.2.22/24 --to 10.0.2.20:80'
expect "through the proxy" "$(get 10.0.2.22 /deep/file.txt | sha256sum)" \
  "$(sha256sum <"$tmp/site/deep/file.txt")"

# --- udp-echo -----------------------------------------------------------------

example udp-echo '--ip 10.0.2.21/24'
expect "udp-echo" "$(dom0 'echo hello | /root/net ask 10.0.2.21 7')" hello

# --- dns, DHCP, and names -----------------------------------------------------

# A bridge of its own, where nobody but dom0 gives addresses away.
own_bridge
"$fata" lab put "$root/examples/dns/example.zone" /tmp/zone || broken "zone"
example dns '--ip 10.9.0.53/24' 'ramdisk = "/tmp/zone"'
# a question for the text record of example.test, as it is on the wire
answer=$(dom0 "printf '\0\7\1\0\0\1\0\0\0\0\0\0\7example\4test\0\0\20\0\1' |
  /root/net ask 10.9.0.53 53" | tr -d '\0')
expect_match "a text record" "$answer" 'an example of a zone'
dom0 'cat >/tmp/udhcpd.conf <<END
start 10.9.0.60
end 10.9.0.69
interface fatabr0
option dns 10.9.0.53
option router 10.9.0.1
option subnet 255.255.255.0
lease_file /tmp/leases
END
: >/tmp/leases; udhcpd -S /tmp/udhcpd.conf' || broken "no udhcpd"
guest names "$B/tests/lab/names.xen" 'memory = 32' \
  "vif = ['bridge=$bridge']" \
  'cmdline = "www.example.test alias.example.test nobody.example.test"'
wait_end 60
names=$(console "$domain")
expect_match "DHCP" "$names" '^from 10\.9\.0\.6'
expect_match "a name" "$names" '^www.example.test: 10\.0\.2\.20'
expect_match "another name" "$names" '^alias.example.test: 10\.0\.2\.20'
expect_match "no such name" "$names" '^nobody.example.test: Name does not'
expect "names" "$(end_reason)" 0
# no call of socket() in the program: libc's own links the stack
"$fata" cc -O2 -DONLY_LOOKUP "$root/tests/lab/names.c" -o "$tmp/lookup.xen" ||
  broken "the guest does not build"
guest lookup "$tmp/lookup.xen" 'memory = 32' "vif = ['bridge=$bridge']" \
  'cmdline = "www.example.test"'
wait_end 60
expect_match "only a name" "$(console "$domain")" \
  '^www.example.test: 10\.0\.2\.20'
exit 0
