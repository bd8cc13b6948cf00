#!/bin/bash
# SPDX-License-Identifier: ISC
#
# many.sh BUILD N [NAME] - N runs of the tests in the simulator, each with a seed
# of its own: what `make check` does with the same few thousand seeds each time,
# here with new ones, over and over.
#
# Interface: one pass after the other runs every test of tests/sim (or NAME) that
# repeats with seeds, each as often as it does by itself, from a base that is
# drawn anew; FROM, a number, is the first one. Counted is what the tests say
# they have run. Ends when N runs have been made, exit status 0, or with the
# first failure: its last lines and the command that shows it again.

set -u

build=$1 n=${2:-1000000} only=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
export CMOCKA_MESSAGE_OUTPUT=TAP ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
[[ $n =~ ^[0-9]+$ ]] || {
  echo "many.sh: '$n' is no number of runs" >&2
  exit 2
}

names=()
for f in "$here"/sim/*.c; do
  name=$(basename "$f" .c)
  [ -z "$only" ] || [ "$only" = "$name" ] || continue
  # X_v2.c is X.c again
  cat "$f" "${f%_v2.c}.c" 2>/dev/null | grep -q 'sim_runs(' || continue
  names+=("$name")
done
[ ${#names[@]} != 0 ] || {
  echo "many.sh: no test of that name repeats: '$only'" >&2
  exit 2
}
make -s -j"$(nproc)" BUILD="$build" "${names[@]/#/$build/tests/sim/}" || exit 1

# Below 2^62: the base and what is added to it stay numbers.
random() {
  echo $((0x$(od -An -N8 -tx8 /dev/urandom | tr -d ' ') & (1 << 62) - 1))
}

total=0 base=${FROM:-$(random)}
while [ $total -lt "$n" ]; do
  for name in "${names[@]}"; do
    SEED=$base TIMES=1 timeout 3600 "$build/tests/sim/$name" >"$log" 2>&1 || {
      tail -n 40 "$log"
      echo "FAILED  sim/$name after $total runs; again:" \
        "SEED=$base TIMES=1 $build/tests/sim/$name"
      exit 1
    }
    runs=$(awk '/^# [0-9]+ runs from seed/ { n += $2 } END { print n + 0 }' \
      "$log")
    [ "$runs" != 0 ] || echo "sim/$name says of no runs"
    total=$((total + runs))
  done
  echo "$total runs, the last pass from seed $base"
  base=$(random)
done
