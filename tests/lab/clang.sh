#!/bin/bash
# SPDX-License-Identifier: ISC
#
# clang.sh - all of it built by clang as well, booted: floating point, threads,
# the clock, and those guests that must die of what the compiler guards.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
clang=$(command -v clang) || {
  "$root/scripts/pkg.sh" "$B/pkg/clang" clang || broken "no clang"
  clang=$B/pkg/clang/usr/bin/clang
  export LD_LIBRARY_PATH=$B/pkg/clang/usr/lib/x86_64-linux-gnu
}
# the sources and packages that are there already
mkdir -p "$B-clang"
ln -sfn "$B/pkg" "$B-clang/pkg"
ln -sfn "$B/src" "$B-clang/src"

tests='hello fpu libc_basic libc_tls libc_threads tasks time
  die_smashed_stack die_stack_task'
build=$(realpath --relative-to="$root" "$B-clang")
targets=$(printf "$build/tests/guest/%s.xen\n" $tests)
# shellcheck disable=SC2086 # words
make -C "$root" -s -j"$(nproc)" CC="$clang" BUILD="$build" all $targets \
  >"$tmp/make" 2>&1 || fail "it does not build: $(tail -3 "$tmp/make")"
for t in $tests; do
  bash "$here/../guest/guest.sh" "$here/../guest/$t.c" \
    "$B-clang/tests/guest/$t.xen" >"$tmp/out" 2>&1 || {
    cat "$tmp/out" >&2
    fail "$t, built by clang"
  }
  note "$t"
done
