#!/bin/bash
# SPDX-License-Identifier: ISC
#
# examples.sh - every example as a Linux process under the sanitizers. Those that
# need a network use one without privilege, on the host's own sockets.

# shellcheck source=tests/unix/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$tmp" || exit 99
examples=$here/../../examples

example() { # NAME [OPTION...]: all sources of its folder
  local name=$1
  shift
  "$fata" cc -t unix "${SAN[@]}" "$examples/$name/main.c" "$@" -o "$name" \
    2>err || { cat err; return 1; }
}

check "hello builds" example hello
check "hello" matches "$(./hello --name=you --times=2 | grep -c 'Hello, you')" 2

check "disk builds" example disk
truncate -s 1M disk.img
./disk --block data=disk.img >out
check "disk" grep -q '^runs: 1$' out

check "http builds" example http
mkdir www && echo "a file of the host" >www/x.txt && tar cf www.tar -C www .
./http --port 18091 --ramdisk www.tar >out 2>&1 &
kid=$!
until_ok curl -s -m 2 http://127.0.0.1:18091/x.txt
check "http serves a module" same \
  "$(curl -s -m 5 http://127.0.0.1:18091/x.txt)" "a file of the host"
kill $kid
wait $kid
check "and ends well" same $? 0

check "udp-echo builds" example udp-echo
./udp-echo --port 18092 >out 2>&1 &
kid=$!
until_ok grep -q 'port 18092' out
exec 3<>/dev/udp/127.0.0.1/18092
echo ping >&3
line=$(timeout 10 head -c 5 <&3)
check "udp-echo" same "$line" ping
kill $kid
wait $kid
check "and ends well" same $? 0

check "gossip builds" example gossip
if echo '#include <sqlite3.h>' | gcc -E - >/dev/null 2>&1; then
  check "sqlite builds" example sqlite -lsqlite3
else
  skip "sqlite" "libsqlite3-dev is not installed"
fi
for e in "$examples"/*/main.c; do
  e=$(basename "$(dirname "$e")")
  case $e in hello | disk | http | udp-echo | gossip | sqlite) continue ;; esac
  check "$e builds" example "$e"
done
finish
