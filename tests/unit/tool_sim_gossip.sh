#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tool_sim_gossip.sh - the simulator with programs of ours as its nodes: a
# hundred members of examples/gossip for an hour, a partition that heals, runs
# that repeat, a planted bug that is found and seen again, captures that tshark
# reads. With FATA_SOAK=1 also a simulated day.

# shellcheck disable=SC2317 # functions are called through `check`
# shellcheck source=tests/unit/lib.sh
. "$(dirname "$0")/lib.sh"

gossip=$source/examples/gossip
sim() { "$fata" sim "$@"; }

# sees FOLDER TIME: how many nodes see how many others alive, at that time
sees()
{
	local f
	for f in "$1"/n*.log; do
		awk -F'[][]' -v t="$2" '
			/sim: crashed|member/ && $2 <= t { v = "nothing" }
			/sees/ && $2 <= t { split($3, w, " "); v = w[2] }
			END { print v }' "$f"
	done | sort | uniq -c | awk '{ printf "%s%s see %s", s, $1, $2; s = ", " }'
}
# a view: FOLDER TIME EXPECTED
view() { check "at $2 s: $3" same "$(sees "$1" "$2")" "$3"; }

# --- an hour -----------------------------------------------------------------

sim -o hour "$gossip/hour.conf" >out
check "an hour of a hundred" same $? 0
cat out | sed 's/^/# /'
check "all run" grep -q '^nodes   100 running, 0 ended, 0 failed' out
view hour 1190 "100 see 100"
view hour 2090 "100 see 50"
view hour 2390 "100 see 100"
view hour 2990 "99 see 99, 1 see nothing"
view hour 3590 "100 see 100"
check "a capture of each link" same "$(ls hour/*.pcap | wc -l)" 200
check "with frames in it" sh -c \
	'for f in hour/*.pcap; do [ $(stat -c %s $f) -gt 10000 ] || exit 1; done'

# --- the same again, and another ------------------------------------------------

sim --duration 5m -o one "$gossip/hour.conf" >out.one
sim --duration 5m -o two --spread "$gossip/hour.conf" >out.two
check "same number: every file the same" diff -r one two
check "same number: the same was told" \
	diff <(grep -v ^files out.one) <(grep -v ^files out.two)
sim --duration 5m -o other --seed 2 "$gossip/hour.conf" >out.other
check "another number: every capture another" sh -c \
	'for f in one/*.pcap; do ! cmp -s $f other/${f#*/} || exit 1; done'

# --- the planted bug --------------------------------------------------------------

# shellcheck disable=SC2086
sim --seeds 1..1000 --until-failure -o hunt --cc=-DGOSSIP_BUG \
	"$gossip/hunt.conf" >out
check "a bug is found" same $? 1
sed 's/^/# /' out
seed=$(sed -n 's/^seed \([0-9]*\) failed.*/\1/p' out)
check "with a number" test -n "$seed"
failed=$(grep '^  FAILED' out)
replay=$(sed -n 's/^  replay  fata //p' out)
# shellcheck disable=SC2086
"$fata" $replay -o again >out
check "the number shows it again" grep -qFx -- "${failed#  }" out
check "and with the same words" sh -c \
	"diff again/n0.log hunt/seed-$seed/n0.log && grep -qh 'went back' again/n*.log"
if command -v gdb >/dev/null; then
	"$fata" $replay -o gdb --wrap \
		"n0=gdb -q --batch -ex 'break fata_panic' -ex run -ex bt --args" >out
	check "gdb on a node, at that moment" matches "$(cat gdb/n0.log)" \
		'#[0-9] .* (hear|read_frame) \(.*main.c:'
fi
check "without the bug that number passes" sim --seed "$seed" -o good \
	"$gossip/hunt.conf"

# --- tshark ---------------------------------------------------------------------

# Debian's, unpacked into the build folder.
tools=$build/pkg/tshark
if "$source/scripts/pkg.sh" "$tools" tshark >pkg.log 2>&1; then
	tshark()
	{
		local lib=$tools/usr/lib/x86_64-linux-gnu
		WIRESHARK_DATA_DIR=$tools/usr/share/wireshark \
			HOME=$tmp LD_LIBRARY_PATH=$lib \
			"$tools/usr/bin/tshark" "$@" 2>tshark.err
	}
	tshark -r hour/n0--n1.pcap -T fields -e frame.time_epoch -e frame.len \
		-e eth.type >frames || cat tshark.err
	n=$(wc -l <frames)
	told=$(awk '/^link    n0--n1 from/ { for (i = 1; i < NF; i++)
		if ($(i + 1) == "delivered") n += $i } END { print n }' \
		hour/summary.txt)
	check "tshark reads each frame" same "$n" "$told"
	check "its type" same "$(cut -f3 frames | sort -u)" 0x88b5
	check "its time, in order" sh -c "cut -f1 frames | sort -nc &&
		head -n 1 frames | grep -q '^17672256[0-9][0-9]\.'"
	check "to the nanosecond" matches "$(head -n 1 frames)" '^[0-9]+\.[0-9]{9}'
	check "none malformed" same "$(tshark -r hour/n0--n1.pcap -Y _ws.malformed |
		wc -l)" 0
else
	sed 's/^/# /' pkg.log
	check "tshark # skip no package" true
fi

# --- a day ----------------------------------------------------------------------

if [ "${FATA_SOAK:-}" = 1 ]; then
	sim --snaplen 96 -o day "$gossip/day.conf" >out
	check "a day of a hundred" same $? 0
	sed 's/^/# /' out
	view day 3500 "100 see 100"
	view day 14000 "100 see 50"
	view day 43000 "100 see 100"
	view day 50000 "99 see 99, 1 see nothing"
	view day 86000 "100 see 100"
fi
finish
