#!/bin/bash
# SPDX-License-Identifier: ISC
#
# callfuzz.sh - random system calls (tests/guest/libc_fuzz.c) in a guest of xl's:
# one seed, always the same; with FATA_SOAK=1 fresh ones for an hour of the
# guest's time. CALLFUZZ (seconds) and CALLFUZZ_SEED say otherwise. Whatever it
# asks for, it ends by itself, without a panic.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2119 # no options
lab
"$fata" cc -O2 -g -Wall -Wextra -I"$here/.." "$here/../guest/libc_fuzz.c" \
  -o "$tmp/fuzz.xen" || broken "the guest does not build"
left=$((1000 * ${CALLFUZZ:-1})) calls=0 spent=0 seed=${CALLFUZZ_SEED:-1}
if [ -n "${FATA_SOAK:-}" ]; then
  left=$((1000 * ${CALLFUZZ:-3600})) seed=${CALLFUZZ_SEED:-$(date +%s)}
fi

while [ "$left" -gt 0 ]; do
  guest "$seed" "$tmp/fuzz.xen" 'memory = 96' "extra = \"$seed 200000\""
  wait_end 300
  expect "how seed $seed ended" "$(end_reason)" 0
  took=$(console "$domain" | tr -d '\r' |
    sed -n 's/^took \([0-9]*\) ms$/\1/p')
  [ -n "$took" ] || fail "seed $seed: no clean end"
  destroy "$domain"
  left=$((left - took)) spent=$((spent + took))
  calls=$((calls + 200000)) seed=$((seed + 1))
done
note "$calls calls, the last seed $((seed - 1)), $((spent / 1000)) s"
