#!/bin/bash
# SPDX-License-Identifier: ISC
#
# run.sh BUILD [EXAMPLE] - what `make run` does: boots examples/http as a guest
# of a real Xen, fetches its page with curl, and has the guest shut down. Another
# example is run as `fata run` runs it, until it ends.
# Exit: 0 when the page came and the guest ended cleanly.
set -u
build=$1 example=${2:-http}
fata=$build/fata image=$build/examples/$example.xen

die()
{
  echo "run: $*" >&2
  exit 1
}

[ -r "$image" ] || die "no example is called '$example' (ls examples)"
[ "$example" = http ] || exec "$fata" run "$image"

port=8080
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  port=$((port + 1)) # somebody listens there
done
tmp=$(mktemp -d)
trap 'kill -INT $pid 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

"$fata" run --lab --net lan=xenbr0 --forward "$port:80" --timeout 10m "$image" \
  --ip 10.0.2.20/24 </dev/null > >(tee "$tmp/console") &
pid=$!
until grep -q '^http: port' "$tmp/console" 2>/dev/null; do
  kill -0 $pid 2>/dev/null || { wait $pid; die "the guest ended: status $?"; }
  sleep 0.1
done

if command -v curl >/dev/null; then
  echo "\$ curl http://127.0.0.1:$port/"
  tries=0
  # QEMU answers before the guest has an address: then nothing comes
  until curl -fsS --max-time 10 "http://127.0.0.1:$port/" 2>"$tmp/curl"; do
    tries=$((tries + 1))
    [ $tries -lt 20 ] || die "no page: $(cat "$tmp/curl")"
    sleep 0.5
  done
else
  (exec 3<>"/dev/tcp/127.0.0.1/$port" &&
    printf 'GET / HTTP/1.0\r\n\r\n' >&3 && cat <&3) ||
    die "no page"
  echo "run: without curl on this machine, bash fetched the page"
fi

kill -INT $pid # as ^C does: xl shutdown
wait $pid
status=$?
[ $status = 0 ] || die "the guest ended with status $status"
