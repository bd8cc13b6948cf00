#!/bin/bash
# SPDX-License-Identifier: ISC
#
# run.sh BUILD [NAME] [wall] - runs bench/NAME.sh, or all of them, one after the
# other; each prints a table and writes BUILD/bench/NAME.json. Those that need
# guests count instructions in the lab (docs/lab.md) unless told `wall`.
set -u
build=${1:?usage: run.sh BUILD [NAME] [wall]} only=${2:-} mode=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
failed=0 found=

case $mode in
'' | counted) export BENCH_MODE=counted ;;
wall) export BENCH_MODE=wall ;;
*)
  echo "bench: M=$mode: expected wall, or nothing" >&2
  exit 2
  ;;
esac
mkdir -p "$build/bench"
for script in "$here"/*.sh; do
  name=$(basename "$script" .sh)
  case $name in run | core | lab) continue ;; esac
  [ -z "$only" ] || [ "$only" = "$name" ] || continue
  found=1
  echo "== $name"
  "$script" "$build" || {
    echo "bench: $name failed" >&2
    failed=1
  }
done
if [ -z "$found" ]; then
  echo "bench: no benchmark is called '$only'" >&2
  exit 2
fi
exit $failed
