#!/bin/sh
# SPDX-License-Identifier: ISC
# style.sh: what a reader must be able to count on in every source file.
set -u
status=0

complain() {
  echo "style: $*" >&2
  status=1
}

for f in $(git ls-files '*.c' '*.h' '*.S'); do
  head -n 1 "$f" | grep -q 'SPDX-License-Identifier: ISC' ||
    complain "$f:1: no SPDX line"
  expand -t 8 "$f" | awk -v f="$f" 'length > 80 {
    print "style: " f ":" NR ": " length " columns" > "/dev/stderr"; bad = 1 }
    END { exit bad }' || status=1
  grep -nE '[ 	]+$' "$f" && complain "$f: blanks at the end of a line"
  grep -nE '\b(TODO|FIXME|XXX|HACK)\b' "$f" && complain "$f: unfinished"
done
for f in $(git ls-files '*.sh' Makefile '*.mk'); do
  head -n 2 "$f" | grep -q 'SPDX-License-Identifier: ISC' ||
    complain "$f: no SPDX line"
done
for f in $(git ls-files '*.sh' .ci/run); do
  bash -n "$f" || complain "$f: not a script"
done
git grep -nE '^(<<<<<<<|>>>>>>>)( |$)' && complain "a merge that was not finished"
[ $status = 0 ] && echo "style: in order"
exit $status
