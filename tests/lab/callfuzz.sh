#!/bin/bash
# SPDX-License-Identifier: ISC
#
# callfuzz.sh - random system calls (tests/guest/libc_fuzz.c) in a guest of xl's,
# with fresh seeds; FATA_SOAK=1: for an hour of the guest's time, or CALLFUZZ
# seconds. Whatever it asks for, it ends by itself, without a panic. CALLFUZZ_SEED
# + 1 is the first seed.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2119 # no options
lab
"$fata" cc -O2 -g -Wall -Wextra -I"$here/.." "$here/../guest/libc_fuzz.c" \
  -o "$tmp/fuzz.xen" || broken "the guest does not build"
left=${CALLFUZZ:-$([ -z "${FATA_SOAK:-}" ] && echo 1 || echo 3600)}
calls=0 seed=${CALLFUZZ_SEED:-$(date +%s)}

while [ "$left" -gt 0 ]; do
  seed=$((seed + 1))
  guest "$seed" "$tmp/fuzz.xen" 'memory = 96' "extra = \"$seed 200000\""
  wait_end 300
  expect "how seed $seed ended" "$(end_reason)" 0
  took=$(console "$domain" |
    sed -n 's/^\[ *\([0-9]*\)\..*exit status 0$/\1/p')
  [ -n "$took" ] || fail "seed $seed: no clean end"
  destroy "$domain"
  left=$((left - took - 1)) calls=$((calls + 200000))
done
note "$calls calls, the last seed $seed"
