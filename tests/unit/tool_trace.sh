#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tool_trace.sh - a trace as a ring and as text becomes the same timeline; what
# is no trace is refused in one line.

# shellcheck disable=SC2317 # functions are called through `check`
# shellcheck source=tests/unit/lib.sh
. "$(dirname "$0")/lib.sh"

TRACE_FILES=$tmp "$build/tests/unit/trace" >log 2>&1 ||
	{ cat log; exit 99; }

check "draws a ring" "$fata" trace ring -o ring.json
check "draws a console's text" "$fata" trace text -o text.json
# the text has no note of the ring's later records, else they are the same
same() { cmp ring.json text.json; }
check "both are the same" same
has() { grep -q "$1" text.json; }
check "names a task" has '"name":"thread_name","args":{"name":"sleeper"}'
check "shows it running" has '"ph":"X"'
check "shows the idle vCPU" has '"tid":0,.*"name":"idle"'
if command -v python3 >/dev/null; then
	check "is JSON" python3 -c 'import json; json.load(open("text.json"))'
fi

echo hello >other
refused 1 'other holds no trace' "$fata" trace other
refused 1 'cannot read missing' "$fata" trace missing
refused 2 'which file' "$fata" trace
refused 2 "'-x' is not expected" "$fata" trace -x
{ head -c 8 ring; head -c 100000 /dev/zero; } >zero
refused 1 'zero holds no trace' "$fata" trace zero
cp ring wild
printf '\377\377\377\377' | dd of=wild bs=1 seek=12 conv=notrunc 2>/dev/null
refused 1 'wild holds no trace' "$fata" trace wild
printf '\377\377' | dd of=ring bs=1 seek=5000 conv=notrunc 2>/dev/null
check "survives a wild record" "$fata" trace ring -o wild.json

finish
