#!/bin/bash
# SPDX-License-Identifier: ISC
#
# net_servers.sh - other people's servers, unchanged from Debian's source
# packages, on our sockets:
#
#    microsocks   SOCKS5, a thread for each connection. dom0 asks it for a page
#                 of the web server of the examples, five times at once.
#    memcached    event loops (libevent, epoll) in four threads. Eight clients
#                 at once store values and read them back.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$(dirname "$0")/../.." || exit 99
# shellcheck source=tests/lab/programs/fetch.sh
. tests/lab/programs/fetch.sh

# Their generated files are as new as they need be.
made="AUTOMAKE=: AUTOCONF=: ACLOCAL=: AUTOHEADER=:"
here="--build=x86_64-linux-gnu --host=x86_64-linux-musl"

# build_libevent DIR: headers and archive as --with-libevent wants them
build_libevent()
{
  local from=$B/src/libevent

  scripts/src.sh "$from" libevent || return
  mkdir -p "$1/inst/lib" "$1/inst/include"
  (
    cd "$1" || exit
    # shellcheck disable=SC2086 # several words
    [ -e Makefile ] || quietly "$from/configure" $here CC="$fata cc" CFLAGS=-O2 \
      --disable-shared --disable-openssl --disable-samples \
      --disable-libevent-regress --disable-thread-support || exit
    # shellcheck disable=SC2086
    quietly make $made include/event2/event-config.h &&
      quietly make -j2 $made libevent.la &&
      cp .libs/libevent.a inst/lib/ &&
      cp -r "$from"/include/* include/event2 inst/include/
  )
}

# Where its /etc is comes by a second source, which links the file system.
build_memcached()
{
  local at=$programs/memcached from=$B/src/memcached

  mkdir -p "$at" && build_libevent "$programs/libevent" || return
  scripts/src.sh "$from" memcached || return
  printf '#include <fata/fs.h>\nFATA_FS(tar);\n' >"$at/etc.c"
  (
    cd "$at" || exit
    "$fata" cc -c etc.c -o etc.o || exit
    # shellcheck disable=SC2086 # several words
    [ -e Makefile ] || quietly "$from/configure" $here CC="$fata cc" CFLAGS=-O2 \
      --with-libevent="$programs/libevent/inst" --disable-docs \
      --disable-coverage || exit
    rm -f memcached
    # shellcheck disable=SC2086
    quietly make -j2 $made LIBS="-levent $at/etc.o" memcached
  )
}

scripts/src.sh "$B/src/microsocks" microsocks || skip "no source of microsocks"
"$fata" cc -O2 -std=c99 "$B"/src/microsocks/*.c -o "$tmp/microsocks.xen" ||
  fail "microsocks does not build"
build_memcached || skip "no memcached from its source"
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
destroy "$domain"

# It asks who root is before it listens.
echo 'root:x:0:0::/:/bin/sh' >"$tmp/passwd"
tar -cf "$tmp/etc.tar" -C "$tmp" passwd
put "$tmp/etc.tar" /tmp/etc.tar
guest memcached "$programs/memcached/memcached" 'memory = 128' \
  'vif = ["bridge=xenbr0"]' 'ramdisk = "/tmp/etc.tar"' \
  'cmdline = "--mount module0:/etc:tar --ip 10.0.2.60/24 -- -u root -m 32 -t 4"'
wait_for 30 "memcached" "echo quit | nc 10.0.2.60 11211"
got=$(dom0 "for i in 1 2 3 4 5 6 7 8; do
    (printf \"set key\$i 0 0 6\\r\\nvalue\$i\\r\\n\"; sleep 1
      printf \"get key\$i\\r\\nquit\\r\\n\"; sleep 2) |
      nc -w 20 10.0.2.60 11211 >/tmp/got\$i &
  done; wait; cat /tmp/got?; rm /tmp/got?
  printf 'stats\\r\\nquit\\r\\n' | nc -w 20 10.0.2.60 11211" | tr -d '\r')
expect "values stored" "$(grep -c '^STORED' <<<"$got")" 8
expect "values read" "$(grep -c '^value[1-8]$' <<<"$got")" 8
expect_match "its own count" "$got" '^STAT get_hits 8$'
expect_match "its threads" "$got" '^STAT threads 4$'
exit 0
