#!/bin/bash
# SPDX-License-Identifier: ISC
#
# site.sh - examples/site: a web server whose files are on an ext4 disk that
# Linux made, and in a tar archive on a disk.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab
PATH=$PATH:/sbin:/usr/sbin
command -v mke2fs >/dev/null || skip "no mke2fs on this host"

mkdir -p "$tmp/site/sub"
echo '<h1>From a disk</h1>' >"$tmp/site/index.html"
seq 20000 >"$tmp/site/sub/numbers.txt"
truncate -s 4M "$tmp/ext4"
mke2fs -q -F -t ext4 -d "$tmp/site" "$tmp/ext4" || broken "mke2fs"
tar -cf "$tmp/tar" -C "$tmp/site" .

# get PATH: the answer, by this shell alone
get()
{
  timeout 30 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port &&
    printf 'GET $1 HTTP/1.0\r\n\r\n' >&3 && cat <&3" 2>/dev/null
}

port=$((30000 + $$ % 10000))
for type in ext4 tar; do
  "$fata" run --lab --net lan=xenbr0 --block-ro www="$tmp/$type" \
    --forward $port:80 --timeout 5m "$B/examples/site.xen" \
    --mount www:/www:$type,ro --ip 10.0.2.22/24 >"$tmp/out" 2>&1 </dev/null &
  pid=$!
  for _ in $(seq 120); do
    page=$(get /) && [ -n "$page" ] && break
    kill -0 $pid || fail "the guest ended: $(cat "$tmp/out")"
    sleep 0.5
  done
  expect_match "$type: the page" "$page" '<h1>From a disk</h1>'
  get /sub/numbers.txt | sed '1,/^.$/d' >"$tmp/got"
  cmp "$tmp/got" "$tmp/site/sub/numbers.txt" || fail "$type: numbers.txt"
  expect_match "$type: what is not there" "$(get /nothing)" '404 Not Found'
  expect_match "$type: a way out" "$(get /../etc)" '404 Not Found'
  kill -INT $pid
  wait $pid
  note "$type"
done
