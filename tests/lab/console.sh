#!/bin/bash
# SPDX-License-Identifier: ISC
#
# console.sh - a megabyte at once loses nothing while the console daemon runs;
# while it stands still, the guest goes on and counts what it drops.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab
test_guest

# --- a burst ----------------------------------------------------------------

guest burst "$image" 'extra = "burst 16384"'
wait_end 120
expect "how the burst ended" "$(end_reason)" 0
console "$domain" | grep '^line ' >"$tmp/got"
for ((i = 0; i < 16384; i++)); do
  printf 'line %06d %51s\n' $i end
done >"$tmp/wanted"
cmp "$tmp/got" "$tmp/wanted" || fail "a burst came out otherwise than it went in"
expect_match "its count" "$(console "$domain" | tail -5)" '^dropped 0$'
destroy "$domain"

# --- a daemon that stands still ------------------------------------------------

# The guest must reach its end by itself.
guest_paused stopped "$image" 'extra = "burst 16384"' 'on_poweroff = "preserve"' \
  'on_crash = "preserve"'
dom0 'kill -STOP $(pidof xenconsoled)'
dom0 "xl unpause $domain" || fail "xl unpause $domain"
wait_end 60
dom0 'kill -CONT $(pidof xenconsoled)'
wait_console 20 'line 00000'
expect "a burst to nobody drops and says so" "$(end_reason)" 3
destroy "$domain"

# It goes on when there is a reader again, and knows what was lost.
guest_paused again "$image" 'extra = "flood 16384"'
dom0 'kill -STOP $(pidof xenconsoled)'
dom0 "xl unpause $domain; sleep 5" || fail "xl unpause $domain"
expect "it does not wait" "$(dom0 "xl list $domain" | grep -c ' r')" 0
dom0 'kill -CONT $(pidof xenconsoled)'
wait_end 60
expect "how the flood ended" "$(end_reason)" 0
output=$(console "$domain" | tail -3)
expect_match "its count" "$output" '^dropped [0-9]+ in [0-9]+ ms'
dropped=$(sed -n 's/^dropped \([0-9]*\) .*/\1/p' <<<"$output")
ms=$(sed -n 's/^dropped .* in \([0-9]*\) ms.*/\1/p' <<<"$output")
shown=$(console "$domain" | grep -c '^line .* end$')
note "dropped $dropped bytes, showed $shown lines, in $ms ms"
[ "$dropped" -gt 900000 ] || fail "only $dropped bytes dropped"
[ $((dropped + shown * 64)) -ge $((16384 * 64 - 64)) ] ||
  fail "$dropped dropped and $shown lines shown do not add up"
[ "$ms" -lt 20000 ] || fail "a flood took $ms ms"
