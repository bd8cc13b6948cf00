#!/bin/bash
# SPDX-License-Identifier: ISC
#
# guest.sh - one C program (bench/guest/main.c) as a guest of its own and as a
# static program on a Linux guest, in the same lab: threads, locks, sleeping, the
# heap, the clock; and Fata's own tasks, in rows that name them, beside the same
# thing by threads; and what tracing costs.
#
# Interface: guest.sh BUILD, from the root of the sources; see bench/lab.sh.
build=${1:?usage: guest.sh BUILD}
# shellcheck source=bench/lab.sh
. bench/lab.sh

bench_lab
"$fata" cc -O2 -g -Wall -Wextra -DFATA bench/guest/main.c -o "$tmp/bench.xen"
musl_program "$tmp/bench" bench/guest/main.c
guest_config bench "$tmp/bench.xen" 'extra = "--trace=1M"'
printf '#!/bin/sh\nexec ./bench\n' >"$tmp/script"
lab/linux-guest.sh -n -f "$tmp/bench" -s "$tmp/script" linux
for name in bench linux; do
  {
    cat "$tmp/life"
    echo "life $name 300"
  } >"$tmp/$name.sh"
  timeout 900 "$fata" lab exec "$(cat "$tmp/$name.sh")" </dev/null >"$tmp/$name.out"
  grep -q '^bench ' "$tmp/$name.out" || {
    tail -5 "$tmp/$name.out" >&2
    exit 1
  }
done
{
  sed -n 's/^bench /fata|/p' "$tmp/bench.out"
  sed -n 's/^bench /linux|/p' "$tmp/linux.out"
} | bench_table guest
