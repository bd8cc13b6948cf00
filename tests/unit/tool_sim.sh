#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tool_sim.sh - the simulator's coordinator: topologies and the mistakes in
# them, links, planned events, repeatability, nodes that fail or misbehave. The
# nodes here speak the protocol themselves (tests/unit/sim/node.c).

# shellcheck disable=SC2317 # functions are called through `check`
# shellcheck source=tests/unit/lib.sh
. "$(dirname "$0")/lib.sh"

gcc -O1 -g -Wall -Werror -I"$source/src" "$source/tests/unit/sim/node.c" \
	-o node || exit 99

topology() { cat >t.conf; }
sim() { "$fata" sim "$@" t.conf; }
line() { # LINE...: a topology that is wrong in its last line
	printf '%s\n' 'node a node echo' 'node b[0-1] node echo' "$@" >t.conf
}
# wrong REGEX LINE: it is told, with its place
wrong()
{
	line "$2"
	check "mistake: $2" says 1 "^fata: sim: t.conf:3: .*$1" "$fata" sim t.conf
}

# --- mistakes --------------------------------------------------------------

wrong "unknown word 'lnk'; did you mean 'link'\?" 'lnk a b0'
wrong "unknown word 'frobnicate' \(expected node, switch" 'frobnicate'
wrong 'expected: node NAMES' 'node c'
wrong 'there is no program ./nothing' 'node c nothing'
wrong "there is a node 'a' already" 'node a node'
wrong "'1:x': a node's name" 'node 1:x node'
wrong "'a!' is not a name" 'node a! node'
wrong '\[3-1\]: expected numbers such as 0-9' 'node c[3-1] node'
wrong 'more than 10000 names' 'node c[0-99999999] node'
wrong "\[ is not closed" 'node c[3 node'
wrong "'events': events.log is the run's own" 'node events node'
wrong 'quote " is not closed' 'node c "node'
wrong "start 'soon': expected a time" 'node c start=soon node'
wrong "no node is called 'x'" 'link a x'
wrong 'expected: link NAMES NAMES' 'link a'
wrong '3 names to 2: expected as many, or one' 'link a,a,a b[0-1]'
wrong "'a' has an interface 'x' already" 'link a:x,a:x b0,b1'
wrong "'lose=1%': no such option of a link; did you mean 'loss'" \
	'link a b0 lose=1%'
wrong "'loss=101%': expected a chance" 'link a b0 loss=101%'
wrong "'loss=1.5': expected a chance" 'link a b0 loss=1.5'
wrong "'rate=0': expected bits a second" 'link a b0 rate=0'
wrong "'rate=10X': expected bits" 'link a b0 rate=10X'
wrong "'delay=5': expected a time" 'link a b0 delay=5'
wrong "'mtu=9': expected 68 to 65521" 'link a b0 mtu=9'
wrong "'pcap=maybe': expected yes or no" 'default pcap=maybe'
wrong 'expected: at TIME ACTION' 'at 5s'
wrong "at 'noon': expected a time" 'at noon heal'
wrong "'explode': expected partition, heal" 'at 5s explode a'
wrong 'expected: at TIME crash NAMES' 'at 5s crash'
wrong 'expected: at TIME partition' 'at 5s partition'
wrong "no link joins 'a' and 'b0'" 'at 5s link a b0 down'
wrong "unknown '{nmae}'; did you mean '{name}'" 'node c ./node {nmae}'
wrong "unknown '{indx}'; did you mean '{index}'" 'node c ./node x{indx}'
wrong 'expected: default OPTIONS' 'default'
wrong 'expected: duration TIME' 'duration'
wrong 'expected: wall YYYY' 'wall yesterday'
topology <<<$'duration 1s\nduration 2s'
check "two durations" says 1 't.conf:2: there is a duration already' sim
topology <<<$'switch s\nat 2s heal\nduration 1s'
check "an event after the end" says 1 \
	't.conf:2: the run has ended by then \(duration\)' sim
topology </dev/null
check "no node" says 1 '^fata: sim: t.conf: there is no node in it' sim
head -c 100 /dev/zero >t.conf
check "not a text" says 1 '^fata: sim: t.conf: not a text file' sim
refused 1 '^fata: sim: gone.conf: No such file' "$fata" sim gone.conf
refused 2 'expected one topology' "$fata" sim
refused 2 '--seeds 5..1: expected two numbers' "$fata" sim --seeds 5..1 x
refused 2 '--until-failure is for --seeds' "$fata" sim --until-failure x
refused 2 '--seed x: expected a number' "$fata" sim --seed x x
refused 2 '--duration x: expected a time' "$fata" sim --duration x x
check "usage" matches "$("$fata" sim --help)" '^usage: fata sim'

# names of links that meet
topology <<'END'
duration 1s
node a,b,c,a--b,b--c,b.2 node echo
link a,a,a,a b,b,b.2,b--c
link a--b c
END
sim >out
check "a capture of each link" same "$(cd sim.out && echo *.pcap)" \
	"a--b--c.2.pcap a--b--c.pcap a--b.2.2.pcap a--b.2.pcap a--b.pcap"
rm -r sim.out

# --- what links do ---------------------------------------------------------

topology <<'END'
duration 1s                      # 100 pings of 60 bytes each way
node a node ping 10
node b "node" echo               # quotes, a comment
link a:east b:west delay=5ms
END
out=$(sim)
check "frames arrive" matches "$out" '^frames  201 sent, 200 delivered'
check "after the delay" grep -q '^\[     0.005000000\] got 60 bytes on 0: a 1$' \
	sim.out/b.log
check "and back" grep -q '^\[     0.010000000\] got 60' sim.out/a.log
check "captured" same "$(stat -c %s sim.out/a--b.pcap)" $((24 + 200 * 76))
check "time" matches "$out" '^time    1.000000000 s$'

topology <<'END'
duration 10s
node a node ping 1
node b node echo
link a b rate=100k delay=0 queue=10
END
out=$(sim)
# 60 bytes take 4.8 ms, so 2083 get through, and 11 wait at the end
check "rate" matches "$(grep 'from a' sim.out/summary.txt)" \
	'1000[01] sent, 2083 delivered .*790[0-9] no room'
check "a frame takes its time" grep -q '^\[     0.004800000\] got' \
	sim.out/b.log

topology <<'END'
duration 100s
node a node ping 10
node b node ping 1000000000
link a b loss=10% reorder=5% duplicate=2% corrupt=1% jitter=1ms
END
sim >out
count=$(grep 'from a' sim.out/summary.txt)
near() { # NAME EXPECTED: within a quarter
	local got
	got=$(grep -oE "[0-9]+ $1" <<<"$count" | cut -d' ' -f1)
	[ "${got:-0}" -gt $(($2 * 3 / 4)) ] && [ "$got" -lt $(($2 * 5 / 4)) ] ||
		{ echo "# $got $1, expected about $2"; false; }
}
check "lost" near lost 1000
check "reordered" near reordered 450
check "duplicated" near duplicated 180
check "corrupted" near corrupted 92
check "out of order" sh -c "grep -o 'a [0-9]*$' sim.out/b.log | cut -c3- |
	sort -nc 2>&1 | grep -q disorder"
cp -r sim.out first
check "same number, same run" sh -c "$fata sim t.conf >out2 &&
	diff -r first sim.out"
check "another number, another run" sh -c "$fata sim --seed 2 t.conf >out2 &&
	! cmp -s first/a--b.pcap sim.out/a--b.pcap"
check "--no-pcap" sh -c "rm -r sim.out; $fata sim --no-pcap t.conf >out2 &&
	! ls sim.out/*.pcap 2>/dev/null"
check "--snaplen" sh -c "$fata sim --duration 100ms --snaplen 20 t.conf >out2 &&
	[ \$(stat -c %s sim.out/a--b.pcap) -le \$((24 + 11 * 36)) ]"

# --- switches, names -------------------------------------------------------

topology <<'END'
duration 1s
node n[0-1] node ping 400
node m[0-1].[0-1] node echo
switch s
default delay=1ms
link n[0-1],m[0-1].[0-1] s
node late start=500ms node environ {index} {name}
link late s
END
sim >out
check "a switch floods broadcasts" same 3 \
	"$(grep -c 'n0' sim.out/m1.1.log)"
check "and passes on what it has learned" same 12 \
	"$(grep -c 'n0' sim.out/n0.log)"
check "a late start" grep -q '^\[     0.500000000\] late starts' \
	sim.out/events.log
check "what a node knows" grep -q 'net 0 0 mtu 1500 mac 070000$' \
	sim.out/late.log
sim --seed 1 >out
log=$(cat sim.out/late.log)
HIDDEN=1 sim --seed 1 >out
sim --wrap "late=env HIDDEN=1" >wrapped
check "--wrap" grep -q HIDDEN=1 sim.out/late.log
check "--wrap of a switch" says 1 '^fata: sim: --wrap s=y: a switch runs' \
	sim --wrap s=y
check "--wrap of nobody" says 1 '^fata: sim: --wrap x=y: no node' sim --wrap x=y
refused 2 '--wrap x: expected NODE=COMMAND' "$fata" sim --wrap x t.conf
sim --seed 1 >out
check "addresses and environment are not the host's" same \
	"$log" "$(cat sim.out/late.log)"
check "nothing else in it" sh -c "! grep -q HIDDEN sim.out/late.log"

# --- planned events --------------------------------------------------------

topology <<'END'
duration 10s
node a node ping 100
node b node echo
link a b delay=1ms
at 2s partition a
at 3s heal
at 5s link a b down
at 6s link a b up
at 6.5s link a b loss=100%
END
check "a fraction is no time" says 1 "t.conf:9: at '6.5s'" sim
sed -i 's/6.5s/6500ms/; $a at 7s link a b loss=0\nat 8s crash b\nat 9s restart b' t.conf
sim >out || cat out
seen() { # FROM TO: pings that came to b
	awk -F'[][]' -v f="$1" -v t="$2" '/got/ && $2 >= f && $2 < t { n++ }
		END { print n + 0 }' sim.out/b.log
}
check "before" same 20 "$(seen 0 2)"
check "cut" same 0 "$(seen 2 3)"
check "healed" same 20 "$(seen 3 5)"
check "down" same 0 "$(seen 5 6)"
check "up" same 5 "$(seen 6 6.5)"
check "changed" same 0 "$(seen 6.501 7)"
check "changed back" same 10 "$(seen 7 8)"
check "crashed" same 0 "$(seen 8.001 9)"
check "restarted" same 10 "$(seen 9 10)"
check "nodes are told of links" same 4 "$(grep -c 'link 0' sim.out/a.log)"
check "the journal" grep -q '^\[     8.000000000\] at 8s crash b$' \
	sim.out/events.log

topology <<'END'
duration 10s
node a node ping 1000
node b node reboot
link a b
at 5s stop a
END
out=$(sim)
check "asked to stop" matches "$(cat sim.out/a.log)" '5.000000000\] request 0'
check "ends" matches "$out" '0 running, 2 ended, 0 failed'
check "reboots" same 3 "$(grep -c 'b starts' sim.out/events.log)"

printf '%s\n' 'duration 2s' 'node a node ping 100' 'at 1s partition a' \
	'node b node echo' 'link a b' >t.conf
sim >out
check "a partition from nodes that the file names later" same 10 \
	"$(grep -c got sim.out/b.log)"
printf '%s\n' 'node a node exit 0' 'node b node echo' 'link a b' >t.conf
check "without a duration it ends when nothing can happen" matches "$(sim)" \
	'^time    1.000000000 s$'
printf '%s\n' 'node a node ping 1' >t.conf
rm -r sim.out
# once the node has said something, the run is under way
(until [ -s sim.out/a.log ]; do sleep 0.1; done; kill -INT "$(cat pid)") &
out=$(sh -c 'echo $$ >pid; exec timeout 60 "$0" sim t.conf' "$fata")
check "^C ends a run, not its summary" matches "$out" '^nodes   1 running'

# --- failures --------------------------------------------------------------

# fails WHAT REGEX [OPTION...]: a node that does this is told of
fails()
{
	printf '%s\n' 'duration 10s' 'node good node ping 100' \
		"node bad node $1" 'link good bad' >t.conf
	out=$(timeout 60 "$fata" sim --seed 7 "${@:3}" t.conf)
	check "$1: status" same $? 1
	check "$1: told" matches "$out" "^FAILED  bad at $2"
	check "$1: how to see it again" matches "$out" \
		'^replay  fata sim --seed 7 t.conf'
}
fails 'exit 3' '1.000000000 s: exit status 3$'
fails 'quit 4' '1.000000000 s: exit status 4$'
fails crash '1.000000000 s: killed by signal 11 '
# patience for what a busy machine does to the good one, too
fails spin '1.000000000 s: ran for 3000 ms of real time' --patience 3s
fails flood '1.000000000 s: (ran for 3000 ms of real|printed more than 64 MiB)' \
	--patience 3s
fails loop '1.000000000 s: had 100000 turns without time'
fails garbage '1.000000000 s: sent what is no answer'
fails badnet '1.000000000 s: sent what is no answer'
fails huge '1.000000000 s: sent what is no answer'
out=$(sim --keep-going)
check "--keep-going" matches "$out" 'nodes   1 running, 0 ended, 1 failed'
echo not a program >text && chmod +x text
printf '%s\n' 'duration 10s' 'node a text' >t.conf
check "what cannot run" matches "$(sim)" '^FAILED  a at 0.000000000 s: exit'
check "no process is left" sh -c "! ls -l /proc/[0-9]*/exe 2>&1 | grep $tmp/node"

# --- many runs -------------------------------------------------------------

topology <<'END'
duration 1s
node a node ping 100
node b node echo
link a b
END
check "many good runs" matches "$(sim --seeds 1..5 -j 3)" '^5 runs, 0 failed$'
check "leave nothing" same "$(ls sim.out | grep -c seed-)" 0
echo 'node c node exit 1' >>t.conf
out=$(sim --seeds 3..9 --until-failure -j 3)
check "the first failure" matches "$out" '^seed 3 failed \(sim.out/seed-3\)$'
check "is the last" matches "$out" '^1 runs, 1 failed$'
check "its number" matches "$out" '^  replay  fata sim --seed 3 t.conf$'
check "its files" test -e sim.out/seed-3/c.log
check "and only its" same "$(ls sim.out | grep -c seed-)" 1
finish
