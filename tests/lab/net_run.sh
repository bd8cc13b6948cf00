#!/bin/bash
# SPDX-License-Identifier: ISC
#
# net_run.sh - `fata run` with a network: a port of this machine that leads to
# the guest, and its traffic in a capture file. Then `make run` itself.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab
root=$(cd "$(dirname "$0")/../.." && pwd)

# A request, by this shell alone.
get() # PORT
{
	timeout 20 bash -c "exec 3<>/dev/tcp/127.0.0.1/$1 &&
		printf 'GET / HTTP/1.0\r\n\r\n' >&3 && cat <&3" 2>/dev/null
}

port=$((20000 + $$ % 10000))
"$fata" run --lab --net lan=xenbr0 --forward $port:80 \
	--pcap lan="$tmp/pcap" --timeout 5m "$B/examples/http.xen" \
	--ip 10.0.2.20/24 >"$tmp/out" 2>&1 </dev/null &
pid=$!
for _ in $(seq 60); do
	page=$(get $port) && [ -n "$page" ] && break
	kill -0 $pid || fail "the guest ended: $(cat "$tmp/out")"
	sleep 0.5
done
expect_match "the page" "$page" '<h1>It works</h1>'
"$fata" run --lab --net lan=xenbr0 --forward $port:80 "$B/examples/http.xen" \
	--ip 10.0.2.21/24 >"$tmp/second" 2>&1 </dev/null
expect "a port that is taken" $? 125
expect_match "a port that is taken" "$(cat "$tmp/second")" "port $port"
kill -INT $pid
wait $pid
expect "the guest's end" $? 0
[ -z "$(get $port)" ] || fail "the port is still forwarded"

# nanoseconds, version 2.4, Ethernet; both directions; ARP from the guest
expect "the capture's header" \
	"$(od -An -tx1 -N24 "$tmp/pcap" | tr -d ' \n')" \
	4d3cb2a10200040000000000000000000000040001000000
grep -qa 'GET / HTTP/1.0' "$tmp/pcap" || fail "no request was captured"
grep -qa '<h1>It works' "$tmp/pcap" || fail "no answer was captured"
if command -v tcpdump >/dev/null; then
	tcpdump -nr "$tmp/pcap" >"$tmp/text" 2>"$tmp/err" ||
		fail "tcpdump: $(cat "$tmp/err")"
	expect_match "tcpdump" "$(cat "$tmp/text")" 'who-has 10.0.2.20'
	note "tcpdump reads $(wc -l <"$tmp/text") frames"
fi
tools=$B/pkg/tshark
if "$root/scripts/pkg.sh" "$tools" tshark >"$tmp/pkg.log" 2>&1; then
	WIRESHARK_DATA_DIR=$tools/usr/share/wireshark HOME=$tmp \
		LD_LIBRARY_PATH=$tools/usr/lib/x86_64-linux-gnu \
		timeout 60 "$tools/usr/bin/tshark" -r "$tmp/pcap" \
		-Y http >"$tmp/text" 2>"$tmp/err" ||
		fail "tshark: $(cat "$tmp/err")"
	expect_match "tshark: the request" "$(cat "$tmp/text")" 'GET / HTTP/1.0'
	expect_match "tshark: the answer" "$(cat "$tmp/text")" 'HTTP/1.[01] 200 OK'
	note "tshark reads $(wc -l <"$tmp/text") messages"
else
	note "no tshark: $(tail -1 "$tmp/pkg.log")"
fi

# --- what a newcomer types ----------------------------------------------------

(cd "$root" && timeout 200 scripts/run.sh "$B") >"$tmp/out" 2>&1 </dev/null
expect "make run" $? 0
expect_match "make run" "$(cat "$tmp/out")" '<h1>It works</h1>'
expect "domains left" "$(dom0 'xl list' | tail -n +3)" ''
exit 0
