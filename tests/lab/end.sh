#!/bin/bash
# SPDX-License-Identifier: ISC
#
# end.sh - how guests end: the status through `fata run`, and what xl makes of
# each end by its on_crash.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab
test_guest

# run WORD...: `fata run` of the test's guest; its status.
run()
{
  timeout 120 "$fata" run --lab "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
}

# --- the status -----------------------------------------------------------------

for n in 0 1 7 255; do
  run "$image" status $n
  expect "status of a guest that ends with $n" $? $n
done
run "$image" die
expect "status of a guest that dies" $? 134
expect_match "its last words" "$(cat "$tmp/out")" 'panic: page fault: write of'
expect_match "its backtrace" "$(tr -d '\n' <"$tmp/out")" \
  'third\+.*second\+.*die\+'
run "$image" --help
expect "status after --help" $? 63
run "$image" --stack=banana
expect "status of a bad parameter" $? 64
expect_match "what it says" "$(cat "$tmp/out" "$tmp/err")" \
  '--stack=banana: bad size'
run --timeout 3s "$image" idle
expect "status when the time is up" $? 124
expect "what is left of them" "$(dom0 'xl list' | wc -l)" 2

# --- preserve -------------------------------------------------------------------

guest preserve "$image" 'on_crash = "preserve"' 'extra = "die"'
wait_end 30
expect_match "a preserved guest" "$(dom0 "xl list $domain")" \
  "^$domain +[0-9]+ +[0-9]+ +1 +[-b]*sc-"
expect "why it ended" "$(end_reason)" 3
expect_match "xenctx sees where" \
  "$(dom0 "xenctx \$(xl domid $domain)" 2>&1)" 'cs:eip|rip|Call'
guest status "$image" 'on_crash = "preserve"' 'extra = "status 3"'
wait_end 30
expect "a status that is not 0 is a crash" "$(end_reason)" 3
guest restart "$image" 'on_crash = "restart"' 'extra = "die"'
wait_for 30 "a second life" \
  "[ \$(grep -c 'fata: panic' /var/log/xen/console/guest-$domain.log) -ge 2 ]"
destroy "$domain"
