#!/bin/bash
# SPDX-License-Identifier: ISC
#
# net.sh - networks of a Linux process: one that needs no privilege; a tap device
# and a packet socket in a network namespace of the test's own; capture files
# written, read by tshark, and replayed.

# shellcheck source=tests/unix/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$tmp" || exit 99
ns=fata-$$
kids=()
# shellcheck disable=SC2317 # called by the trap
cleanup() {
  [ ${#kids[@]} = 0 ] || kill "${kids[@]}" 2>/dev/null
  ip netns del "$ns" 2>/dev/null
}

build "$here/../../examples/http/main.c" http
build "$here/../../examples/udp-echo/main.c" echo
build "$here/fetch.c" fetch
build "$here/poller.c" poller

page() { curl -s -m 10 "$1" | grep -q 'It works'; }

# --- no privilege ---------------------------------------------------------------

port=$(free_port)
./http --net lan=user,fwd=$port:80,dump=http.pcap >http.out 2>&1 &
kids+=($!)
if until_ok page http://127.0.0.1:$port/; then
  check "a page of ours, through the user network" true
  ./fetch --net net=user,dump=fetch.pcap 10.0.2.2 "$port" >fetch.out 2>&1
  check "our program fetches a page through it" same $? 0
  check "all of it" grep -q '^It works' fetch.out
  check "poll, select and epoll" ./poller --net net=user 10.0.2.2 "$port"
  ./fetch 127.0.0.1 "$port" >fetch.out 2>&1
  check "without an interface: the host's sockets" same $? 0
  check "poll, select and epoll of the host" ./poller 127.0.0.1 "$port"
elif grep -q libslirp http.out; then
  skip "the user network" "libslirp0 is not installed"
else
  cat http.out
  check "a page of ours, through the user network" false
fi
kill "${kids[0]}"
wait "${kids[0]}"
check "the server ends well" same $? 0
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  chmod 755 .
  out=$(setpriv --reuid 65534 --regid 65534 --clear-groups \
    timeout 30 ./fetch --net net=user 10.0.2.2 9 2>&1)
  check "as nobody: it gets as far as the network" matches "$out" refused
fi

# --- tap and packet sockets, in a namespace -----------------------------------------

in_ns() { ip netns exec "$ns" "$@"; }

tap() {
  ip netns exec "$ns" ./http --net "lan=tap:ft0,dump=tap.pcap" --ip 10.9.0.2/24 \
    >tap.out 2>&1 &
  kids=($!)
  until_ok in_ns ip addr add 10.9.0.1/24 dev ft0
  if command -v tcpdump >/dev/null; then
    ip netns exec "$ns" tcpdump -U --immediate-mode -i ft0 -w "$tmp/host.cap" 2>/dev/null &
    kids+=($!)
    until_ok test -s "$tmp/host.cap"
  fi
  check "ping over the tap" until_ok in_ns ping -c 2 -i 0.2 -W 2 10.9.0.2
  check "HTTP over the tap" in_ns bash -c "$(declare -f page);
    page http://10.9.0.2/"
  [ ${#kids[@]} = 1 ] || kill "${kids[1]}"
  kill "${kids[0]}"
  wait "${kids[0]}"
  check "it ends well" same $? 0
}

packet() {
  in_ns ip link add fp0 type veth peer name fp1
  in_ns ip addr add 10.8.0.1/24 dev fp0
  in_ns ip link set fp0 up
  in_ns ip link set fp1 up
  ip netns exec "$ns" ./http --net lan=packet:fp1 --ip 10.8.0.2/24 >packet.out 2>&1 &
  kids=($!)
  check "ping over a packet socket" \
    until_ok in_ns ping -c 2 -i 0.2 -W 2 10.8.0.2
  # veth leaves checksums and segments to whoever needs them
  check "HTTP over it" in_ns bash -c "$(declare -f page);
    page http://10.8.0.2/"
  kill "${kids[0]}"
  ip netns exec "$ns" ./echo --net lan=packet:fp1 --ip 10.8.0.2/24 >echo.out 2>&1 &
  kids=($!)
  check "UDP over it" in_ns ./udp 10.8.0.2
  kill "${kids[0]}"
}

cat >udp.c <<'END'
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
int main(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(7)};
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct timeval t = {1, 0};
	char back[8] = "";
	(void)argc;
	inet_pton(AF_INET, argv[1], &a.sin_addr);
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	for (int i = 0; i < 60; i++) { /* it may not be there yet */
		sendto(s, "hello", 5, 0, (void *)&a, sizeof(a));
		if (recv(s, back, 5, 0) == 5)
			return strcmp(back, "hello");
	}
	return 1;
}
END
gcc udp.c -o udp
if ip netns add "$ns" 2>/dev/null && in_ns ip link set lo up &&
  [ -c /dev/net/tun ]; then
  tap
  packet
else
  skip "tap and packet sockets" "no privilege for a network namespace"
fi

# --- capture files ------------------------------------------------------------------

build "$here/replay.c" replay
if command -v tshark >/dev/null; then
  for f in *.pcap; do
    out=$(tshark -r "$f" -T fields -e frame.protocols 2>&1)
    check "tshark reads $f" matches "$out" 'eth:ethertype:ip:tcp'
    out=$(tshark -r "$f" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE \
      -Y 'tcp.checksum.status==0 || ip.checksum.status==0 || _ws.malformed' \
      2>/dev/null)
    check "and finds nothing wrong in it" same "$out" ''
  done
else
  skip "tshark" "not installed"
fi
if [ -s http.pcap ]; then
  out=$(./replay --net "in=pcap:http.pcap,again.pcap" copy http.pcap)
  check "a capture is replayed" matches "$out" '^[0-9]+ frames'
  # what comes in is sent out: the frames are the same, their times are not
  check "frame by frame" ./replay --net "a=pcap:http.pcap" \
    --net "b=pcap:again.pcap" same http.pcap again.pcap
fi

# --- files of others ----------------------------------------------------------------

alike() { # FILE: it brings the frames of few.pcap
  ./replay --net "a=pcap:few.pcap" --net "b=pcap:$1" same few.pcap "$1"
}

if [ -s http.pcap ] && command -v editcap tcpdump >/dev/null; then
  editcap -F pcap -r http.pcap few.pcap 1-12 # one connection's, no pauses
  tcpdump -r few.pcap -w micro.pcap 2>/dev/null
  check "tcpdump's microseconds" alike micro.pcap
  editcap -F nsecpcap few.pcap nano.pcap
  check "wireshark's nanoseconds" alike nano.pcap
  # each word of the header and of each record the other way round
  cat >swap.c <<'END'
#include <byteswap.h>
#include <stdio.h>
static char frame[65536];
int main(void)
{
	unsigned w[6];
	fread(w, 4, 6, stdin);
	for (int i = 0; i < 6; i++)
		w[i] = bswap_32(w[i]);
	w[1] = w[1] >> 16 | w[1] << 16; /* two halves */
	fwrite(w, 4, 6, stdout);
	while (fread(w, 4, 4, stdin) == 4) {
		unsigned n = w[2];
		for (int i = 0; i < 4; i++)
			w[i] = bswap_32(w[i]);
		fwrite(w, 4, 4, stdout);
		fwrite(frame, 1, fread(frame, 1, n, stdin), stdout);
	}
	return 0;
}
END
  gcc swap.c -o swap && ./swap <few.pcap >big.pcap
  check "a big-endian host's" alike big.pcap
  editcap -F pcapng few.pcap new.ng
  out=$(./replay --net in=pcap:new.ng copy new.ng 2>&1)
  check "pcapng is refused" test $? != 0
  check "in one line, with what to do" same "$(grep -c pcapng <<<"$out") \
$(grep -c 'editcap -F pcap' <<<"$out")" "1 1"
  editcap -F pcap new.ng converted.pcap
  check "which does" alike converted.pcap
  editcap -F pcap -T rawip http.pcap raw.pcap
  out=$(./replay --net in=pcap:raw.pcap copy raw.pcap 2>&1)
  check "another kind of link is refused" matches "$out" 'expected Ethernet'
  out=$(./replay --net in=pcap:udp.c copy udp.c 2>&1)
  check "what is no capture, too" matches "$out" 'udp.c is no pcap file'
else
  skip "captures of others" "no capture, editcap or tcpdump"
fi
if [ -s host.cap ]; then
  # the host's own view of the tap: what it sent to the program
  out=$(./replay --net "in=pcap:host.cap" copy host.cap)
  check "what tcpdump captured is replayed" matches "$out" '^[0-9]+ frames'
fi
finish
