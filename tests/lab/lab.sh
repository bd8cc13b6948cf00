#!/bin/bash
# SPDX-License-Identifier: ISC
#
# lab.sh - the lab itself: commands and their streams, files, what happens when
# one side goes away, two labs from one saved dom0.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab

# --- commands: streams and status stay apart -------------------------------

dom0 'echo out; echo err >&2; exit 3' >"$tmp/out" 2>"$tmp/err"
expect "exit status" $? 3
expect "stdout" "$(cat "$tmp/out")" out
expect "stderr" "$(cat "$tmp/err")" err
expect "killed by a signal" "$(dom0 'kill -9 $$'; echo $?)" 137
expect "arguments" "$("$fata" lab exec printf '%s|' 'a b' '' "c'd" </dev/null)" \
  "a b||c'd|"
"$fata" lab exec no-such-program x </dev/null 2>"$tmp/err"
expect "no such program" $? 127
expect_match "its message" "$(cat "$tmp/err")" 'no-such-program: No such file'
dom0 'xl list' | grep -q '^Domain-0 ' || fail "xl does not work"

# A daemon that keeps the command's output open does not keep the session.
start=$SECONDS
dom0 'sleep 30 & echo started' >/dev/null
[ $((SECONDS - start)) -lt 20 ] || fail "a daemon kept the session open"

# --- streams as large as the pipes between, and larger ------------------------

head -c 5000000 /dev/urandom >"$tmp/data"
"$fata" lab exec cat <"$tmp/data" | cmp - "$tmp/data" || fail "stdin to stdout"
expect "a command that reads nothing" \
  "$("$fata" lab exec true <"$tmp/data"; echo $?)" 0

# --- files -------------------------------------------------------------------

chmod 751 "$tmp/data"
"$fata" lab put "$tmp/data" /tmp/data || fail "put"
expect "mode" "$(dom0 'stat -c %a /tmp/data')" 751
"$fata" lab get /tmp/data "$tmp/back" || fail "get"
cmp "$tmp/data" "$tmp/back" || fail "a file changed on the way"
: >"$tmp/empty"
"$fata" lab put "$tmp/empty" /tmp/empty || fail "put an empty file"
expect "empty file" "$(dom0 'stat -c %s /tmp/empty')" 0
"$fata" lab put "$tmp/data" /no-such-folder/x 2>"$tmp/err" && fail "put to nowhere"
expect_match "its message" "$(cat "$tmp/err")" 'No such file or directory'
"$fata" lab get /no-such-file "$tmp/none" 2>/dev/null && fail "get of nothing"
[ ! -e "$tmp/none" ] || fail "a failed get left a file"
# dom0's memory is its disk: a file that does not fit leaves nothing behind.
dom0 'mkdir -p /tmp/small; mount -t tmpfs -o size=1m small /tmp/small'
"$fata" lab put "$tmp/data" /tmp/small/x 2>"$tmp/err" && fail "put to a full disk"
expect_match "its message" "$(cat "$tmp/err")" 'No space left'
expect "what a failed put left" "$(dom0 'ls -A /tmp/small')" ""

# --- a client that goes away takes its command along ------------------------------

timeout 1 "$fata" lab exec 'sleep 4321; echo still here' </dev/null
wait_for 10 "the end of a command whose client has gone" \
  "! pidof sleep | xargs -n1 -I{} cat /proc/{}/cmdline | grep 4321"

# --- sessions at once --------------------------------------------------------

for i in 1 2 3 4 5 6 7 8; do
  dom0 "sleep 1; echo $i" >"$tmp/many.$i" &
done
wait
expect "eight sessions" "$(cat "$tmp"/many.* | tr -d '\n')" 12345678

# --- another lab from the same saved dom0 ------------------------------------------

dom0 'echo first >/tmp/which'
(
  export FATA_LAB_RUN=$tmp/second
  timeout 120 "$fata" lab up || exit 1
  "$fata" lab exec 'ls /tmp/which' </dev/null 2>/dev/null && exit 2
  "$fata" lab exec 'echo second >/tmp/which' </dev/null || exit 3
  "$fata" lab down
  "$fata" lab status >/dev/null && exit 4
  exit 0
)
expect "a second lab" $? 0
expect "the first one's file" "$(dom0 'cat /tmp/which')" first

# --- a QEMU that died is noticed, and a lab starts again ----------------------------

(
  export FATA_LAB_RUN=$tmp/third
  timeout 120 "$fata" lab up || exit 1
  read -r pid rest <"$FATA_LAB_RUN/instance"
  kill -9 "$pid"
  "$fata" lab exec true </dev/null 2>"$tmp/err" && exit 2
  timeout 120 "$fata" lab up || exit 3
  "$fata" lab exec true </dev/null || exit 4
  "$fata" lab down
)
expect "a killed lab" $? 0

# --- wrong usage ---------------------------------------------------------------------

for words in "" "up --memory 7" "up --cpus x" "nonsense" "put a" \
  "forward 0 10.0.2.20:80" "forward 80 quit"; do
  # shellcheck disable=SC2086 # words
  "$fata" lab $words >/dev/null 2>"$tmp/err"
  expect "fata lab $words" $? 2
done
note "all of the lab"
