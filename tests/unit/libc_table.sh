#!/bin/sh
# SPDX-License-Identifier: ISC
# docs/libc.md says what the table of system calls says; every number that libc
# knows is in the table; a test makes each call that is not refused.
cd "$(dirname "$0")/../.." || exit 1
scripts/libc-table.sh || exit 1
table=src/libc/table.c bad=0
names() { grep -oE "	($1)\([a-z_0-9]+" $table | sed 's/.*(//'; }
header=${FATA_BUILD:-build}/pkg/dev/usr/include/x86_64-linux-musl/bits/syscall.h
for n in $(sed -n 's/^#define[[:space:]]*__NR_\([a-z_0-9]*\).*/\1/p' "$header"); do
  names 'DONE|PART|NONE' | grep -qx "$n" || {
    echo "$table: nothing about $n"
    bad=1
  }
done
for n in $(names 'DONE|PART'); do
  grep -qE "(SYS_|[^a-z0-9_])$n[^a-z0-9_]" tests/guest/libc_calls*.c tests/guest/libc_local.c || {
    echo "tests/guest/libc_calls*.c: no test of $n"
    bad=1
  }
done
exit $bad
