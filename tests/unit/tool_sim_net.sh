#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tool_sim_net.sh - TCP/IP in the simulator: sockets of ordinary programs over
# lwIP over simulated links. Transfers take the time that the line has them
# take, survive loss, reordering, corruption and a partition, and repeat.

# shellcheck disable=SC2317 # functions are called through `check`
# shellcheck source=tests/unit/lib.sh
. "$(dirname "$0")/lib.sh"

cp "$source/tests/unit/sim/stream.c" "$source/examples/http/main.c" .
cat >fetch.c <<-'END'
	#include <arpa/inet.h>
	#include <stdio.h>
	#include <string.h>
	#include <sys/socket.h>
	#include <unistd.h>
	int main(int argc, char **argv)
	{
		struct sockaddr_in a = {AF_INET, htons(80)};
		const char *q = "GET / HTTP/1.0\r\n\r\n";
		int s = socket(AF_INET, SOCK_STREAM, 0);
		char text[4096];
		ssize_t n;
		inet_pton(AF_INET, argv[argc - 1], &a.sin_addr);
		if (connect(s, (void *)&a, sizeof(a)) ||
		    write(s, q, strlen(q)) < 0)
			return 1;
		while ((n = read(s, text, sizeof(text))) > 0)
			fwrite(text, 1, n, stdout);
		return 0;
	}
END
topology() { cat >t.conf; }
sim() { "$fata" sim "$@" t.conf; }
# took LOG LINE: the seconds that this transfer took
took() { sed -n 's/.* bytes in \([0-9.]*\) s$/\1/p' "$1" | sed -n "$2p"; }
between() { # LEAST VALUE MOST
	awk -v a="$1" -v v="$2" -v b="$3" 'BEGIN { exit !(v >= a && v <= b) }' ||
		{ echo "# $2 is not from $1 to $3"; false; }
}

# --- a clean line: 1 MB at 10 Mbit/s is 0.8 s, plus heads, plus start ----------

topology <<'END'
duration 60s
node server stream.c --ip=10.0.0.1/24 serve 1000000
node client stream.c --ip=10.0.0.2/24 fetch 10.0.0.1 3
link server:uplink client delay=5ms rate=10M
END
out=$(sim -o clean)
check "transfers" same "$(grep -c '1000000 bytes' clean/client.log)" 3
check "at the speed of the line" between 0.83 "$(took clean/client.log 2)" 1.2
check "the client ends" matches "$out" '1 running, 1 ended, 0 failed'
# an echo of 3 ms each way needs a round for the connection, and one more
sed -i 's/serve 1000000/serve 10/; s/delay=5ms rate=10M/delay=3ms/' t.conf
sim -o short >out
check "the round trips of a connection" between 0.012 \
	"$(took short/client.log 2)" 0.013

# --- a bad line ------------------------------------------------------------------

topology <<'END'
duration 10m
node server stream.c --ip=10.0.0.1/24 serve 300000
node c[0-3] stream.c --ip=10.0.1.{index}/16 fetch 10.0.0.1 5
switch s
default delay=10ms jitter=2ms rate=10M loss=1% reorder=1% duplicate=1% corrupt=0.5%
link server,c[0-3] s
END
sed -i 's|1/24|1/16|' t.conf
out=$(sim -o bad)
check "all arrives, and right" matches "$out" '1 running, 4 ended, 0 failed'
check "twenty times" same "$(cat bad/c*.log | grep -c '300000 bytes')" 20
sim -o bad2 --spread >out
check "the same again" diff -r bad bad2
sim -o other --seed 2 >out
check "another number, other sequence numbers" sh -c \
	"! cmp -s bad/server--s.pcap other/server--s.pcap"

# --- what lost frames cost: time-outs of 1.5 s and more would be twice that -----

# all LOG: the seconds of all transfers
all() { sed -n 's/.* bytes in \([0-9.]*\) s$/\1/p' "$1" |
	awk '{ s += $1; n++ } END { print n == 0 ? "none" : s }'; }
topology <<'END'
duration 10m
node server stream.c --ip=10.0.0.1/24 serve 2000000
node client stream.c --ip=10.0.0.2/24 fetch 10.0.0.1 20
link server client delay=5ms rate=100M loss=1%
END
out=$(sim --no-pcap -o bulk)
check "40 MB arrive" matches "$out" '1 running, 1 ended, 0 failed'
check "one frame in 100 lost" between 10 "$(all bulk/client.log)" 35
sed -i 's/serve 2000000/serve 1000/; s/1 20$/1 100/; s/loss=1%/loss=2%/' t.conf
out=$(sim --no-pcap -o answers)
check "100 answers arrive" matches "$out" '1 running, 1 ended, 0 failed'
check "one frame in 50 lost" between 0.4 "$(all answers/client.log)" 12

# --- an idle node sleeps: a turn a second, and some for TIME_WAIT -----------------

topology <<'END'
duration 1h
node server stream.c --ip=10.0.0.1/24 serve 10
node client stream.c --ip=10.0.0.2/24 fetch 10.0.0.1 1
link server client
END
out=$(sim -o idle)
turns=$(sed -n 's/.* \([0-9]*\) turns$/\1/p' <<<"$out")
check "an idle hour" between 100 "$turns" 6000

# with a connection that is open, too; and it is as quick as ever afterwards
topology <<END
duration 1h
node server $source/tests/unit/sim/patient.c --ip=10.0.0.1/24 listen
node client $source/tests/unit/sim/patient.c --ip=10.0.0.2/24 ask 10.0.0.1 3500
link server client delay=3ms
END
out=$(sim -o patient)
turns=$(sed -n 's/.* \([0-9]*\) turns$/\1/p' <<<"$out")
check "an idle hour with a connection" between 7000 "$turns" 10000
check "asked three times" same \
	"$(grep -c "after 0.0\(06\|12\). s" patient/client.log)" 3

# keep-alives go on; the peer is cut off in the hour's middle
sed -i 's/ask 10.0.0.1 3500/watch 10.0.0.1 60/' t.conf
echo 'at 1810s partition server' >>t.conf
sim -o watch >out
check "a dead peer is seen" between 1840 \
	"$(sed -n 's/.*timed out after \([0-9]*\) s$/\1/p' watch/client.log)" 1870

# --- many short connections, more than there are ports; in a soak a million -------

topology <<END
node server $source/tests/lab/net.c --ip=10.0.0.1/24
node client $source/tests/unit/sim/shorts.c --ip=10.0.0.2/24 short 10.0.0.1 $(
	[ "${FATA_SOAK:-}" ] && echo 1000000 || echo 20000)
link server client delay=100us
duration 1h
END
out=$(sim --no-pcap -o many --cc="-I$source/tests" --cc=-D_GNU_SOURCE)
check "all of them, and no memory stays in use" matches "$out" \
	'1 running, 1 ended, 0 failed'
sed -n 's/.*# /# /p' many/client.log

# --- a partition in the middle ----------------------------------------------------

topology <<'END'
duration 10m
node server stream.c --ip=10.0.0.1/24 serve 5000000
node client stream.c --ip=10.0.0.2/24 fetch 10.0.0.1 1
link server client delay=5ms rate=10M
at 2s partition server
at 12s heal
END
out=$(sim -o cut)
check "a connection outlives a partition" between 14 "$(took cut/client.log 1)" 40

# --- nobody answers -------------------------------------------------------------------

cat >poll.c <<-'END'
	#include <arpa/inet.h>
	#include <poll.h>
	#include <stdio.h>
	#include <sys/socket.h>
	int main(void)
	{
		struct sockaddr_in a = {AF_INET, htons(9)};
		int s = socket(AF_INET, SOCK_DGRAM, 0);
		struct pollfd p = {.fd = s, .events = POLLIN};
		inet_pton(AF_INET, "10.0.0.1", &a.sin_addr);
		sendto(s, "x", 1, 0, (void *)&a, sizeof(a));
		printf("poll: %d\n", poll(&p, 1, 300));
		return 0;
	}
END
topology <<'END'
duration 10s
node a main.c --ip=10.0.0.1/24
node b poll.c --ip=10.0.0.2/24
link a b loss=100%
END
sim -o poll >out
check "poll waits for its time" grep -q '^\[     0.300000000\] poll: 0' poll/b.log

# --- libc's own clocks, timers and random numbers --------------------------------------

cat >libc.c <<-'END'
	#include <poll.h>
	#include <pthread.h>
	#include <signal.h>
	#include <stdio.h>
	#include <stdlib.h>
	#include <sys/random.h>
	#include <sys/time.h>
	#include <sys/timerfd.h>
	#include <time.h>
	#include <unistd.h>
	static volatile int rings;
	static void ring(int sig) { (void)sig; rings++; }
	int main(void)
	{
		struct itimerspec every = {{2, 0}, {3, 0}}, rest;
		struct itimerval soon = {{0, 0}, {0, 500000}};
		pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
		pthread_cond_t c = PTHREAD_COND_INITIALIZER;
		int fd = timerfd_create(CLOCK_MONOTONIC, 0);
		struct pollfd p = {fd, POLLIN, 0};
		unsigned long number, n;
		struct timespec t;
		getrandom(&number, sizeof(number), 0);
		printf("random %lx %x\n", number, arc4random());
		timerfd_settime(fd, 0, &every, NULL);
		printf("poll %d\n", poll(&p, 1, 1000));
		read(fd, &n, sizeof(n));
		printf("first %lu\n", n);
		sleep(7);
		read(fd, &n, sizeof(n));
		timerfd_gettime(fd, &rest);
		printf("then %lu, next in %ld\n", n, (long)rest.it_value.tv_sec);
		close(fd);
		signal(SIGALRM, ring);
		setitimer(ITIMER_REAL, &soon, NULL);
		sleep(1);
		alarm(5);
		sleep(10);
		printf("rings %d\n", rings);
		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_sec += 20;
		pthread_mutex_lock(&m);
		printf("timed out %d\n",
		       pthread_cond_timedwait(&c, &m, &t));
		return 0;
	}
END
topology <<'END'
duration 1h
node a libc.c
END
sim -o libc >out
log=$(cut -d']' -f1,2 libc/a.log)
check "poll on a timer ends in time" matches "$log" '^\[     1.0{9}\] poll 0'
check "timerfd" matches "$log" '^\[     3.0{9}\] first 1'
check "and its repetition" matches "$log" '^\[    10.0{9}\] then 3, next in 1'
check "alarms, which end a sleep" matches "$log" \
	'^\[    15.50{8}\] rings 2'
check "conditions" matches "$log" '^\[    35.50{8}\] timed out 110'
sim -o libc2 >out
check "random numbers repeat" diff -r libc libc2
sim -o libc3 --seed 2 >out
check "and are others with another number" sh -c \
	'! cmp -s libc/a.log libc3/a.log'

# --- a web server of ours ------------------------------------------------------------

topology <<'END'
duration 10s
node server main.c --ip=10.0.0.1/24
node client fetch.c --ip=10.0.0.2/24 10.0.0.1
link server client
END
out=$(sim -o web)
check "a page" grep -q 'It works' web/client.log
check "in virtual time" grep -q '^\[     0.0[0-9]*\] <h1>' web/client.log

tools=$build/pkg/tshark
if "$source/scripts/pkg.sh" "$tools" tshark >pkg.log 2>&1; then
	tshark()
	{
		WIRESHARK_DATA_DIR=$tools/usr/share/wireshark HOME=$tmp \
			LD_LIBRARY_PATH=$tools/usr/lib/x86_64-linux-gnu \
			"$tools/usr/bin/tshark" "$@" 2>tshark.err
	}
	check "tshark sees the page" matches \
		"$(tshark -r web/server--client.pcap -Y http.response)" '200 OK'
	check "retransmissions where frames were lost" test \
		"$(tshark -r bad/server--s.pcap -Y tcp.analysis.retransmission |
			wc -l)" -gt 5
	check "none on the clean line" same \
		"$(tshark -r clean/server--client.pcap \
			-Y tcp.analysis.retransmission | wc -l)" 0
else
	sed 's/^/# /' pkg.log
	check "tshark # skip no package" true
fi
finish
