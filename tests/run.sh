#!/bin/bash
# SPDX-License-Identifier: ISC
#
# run.sh BUILD [SUITE] [NAME] - runs the tests, cheapest suite first.
#
# A suite's tests are found by their files; each runs in a process of its own
# with a time limit, its output kept in BUILD/tests/SUITE/NAME.log. The last
# line of this script is "N passed, N failed, N skipped", counted in single
# checks where a test reports them (TAP), else in tests.
#
#   unit   tests/unit/NAME.c    a program on this machine; or NAME.sh
#   sim    tests/sim/NAME.c     the same, with the simulated hypervisor
#   fuzz   tests/fuzz/NAME.c    its corpus as a test (long runs: make soak)
#   unix   tests/guest/NAME.c   the same source as a Linux process (unix.sh), but
#          those in not-here; tests/unix/NAME.sh
#   guest  tests/guest/NAME.c   an image, booted as a PVH dom0 (see guest.sh)
#   lab    tests/lab/NAME.sh    a script that uses xl in the lab; 77 = skipped
#
# With FATA_SOAK=1 (make soak) tests do more of the same, for up to 40 times as
# long: thousands of migrations, power cuts and connections.

set -u
build=$1 suites=${2:-unit sim fuzz unix guest lab} only=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
export FATA_BUILD=$PWD/$build
export CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=0}
[ -z "${FATA_SOAK:-}" ] || export FUZZ_SECONDS=${FUZZ_SECONDS:-600}
passed=0 failed=0 skipped=0

names() { # SUITE EXTENSION
  for f in "$here/$1"/*."$2"; do
    [ -e "$f" ] || continue
    n=$(basename "$f" ".$2")
    case $n in lib | guest | unix) continue ;; esac
    [ -z "$only" ] || [ "$only" = "$n" ] || continue
    echo "$n"
  done
}

# Count one test's outcome: LOG STATUS SUITE/NAME
count() {
  local log=$1 status=$2 name=$3 ok bad skip
  ok=$(grep -c '^ok ' "$log") bad=$(grep -c '^not ok ' "$log")
  skip=$(grep -ciE '^ok .*# skip' "$log")
  if [ "$status" = 77 ]; then
    skipped=$((skipped + 1))
    echo "skip    $name: $(tail -n 1 "$log")"
    return
  fi
  ok=$((ok - skip))
  [ "$status" = 0 ] && [ $((ok + skip)) = 0 ] && ok=1
  # a crash, a time-out: a failure even if no check failed
  [ "$status" != 0 ] && [ "$bad" = 0 ] && bad=1
  passed=$((passed + ok)) failed=$((failed + bad))
  skipped=$((skipped + skip))
  if [ "$bad" = 0 ]; then
    echo "ok      $name ($ok)"
  else
    echo "FAILED  $name (exit status $status; $log)"
    tail -n 40 "$log" | sed 's/^/        /'
  fi
}

run() { # SUITE NAME LIMIT COMMAND...
  local suite=$1 name=$2 limit=$3 log=$build/tests/$1/$2.log
  shift 3
  [ -z "${FATA_SOAK:-}" ] || limit=$((limit * 40))
  mkdir -p "$build/tests/$suite"
  timeout -k 5 "$limit" "$@" >"$log" 2>&1 </dev/null
  count "$log" $? "$suite/$name"
}

make_all() { # TARGET... ; a test that does not build is a failure
  make -s -j"$(nproc)" --no-print-directory "$@" || {
    echo "FAILED  the tests do not build"
    exit 1
  }
}

host_suite() { # SUITE LIMIT
  local suite=$1 limit=$2 n targets=()
  for n in $(names "$suite" c); do
    targets+=("$build/tests/$suite/$n")
  done
  [ ${#targets[@]} = 0 ] || make_all "${targets[@]}"
  for n in $(names "$suite" c); do
    run "$suite" "$n" "$limit" "$build/tests/$suite/$n"
  done
  for n in $(names "$suite" sh); do
    run "$suite" "$n" "$limit" bash "$here/$suite/$n.sh"
  done
}

guest_suite() {
  local n targets=()
  for n in $(names guest c); do
    targets+=("$build/tests/guest/$n.xen")
  done
  [ ${#targets[@]} = 0 ] || make_all "${targets[@]}"
  for n in $(names guest c); do
    run guest "$n" 400 bash "$here/guest/guest.sh" \
      "$here/guest/$n.c" "$build/tests/guest/$n.xen"
  done
}

unix_suite() {
  local n here_too=() targets=()
  for n in $(names guest c); do
    grep -q "^$n " "$here/unix/not-here" && continue
    here_too+=("$n")
    targets+=("$build/tests/unix/$n")
  done
  make_all all sanitized # before anything is linked with it
  [ ${#targets[@]} = 0 ] || make_all "${targets[@]}"
  for n in ${here_too[@]+"${here_too[@]}"}; do
    run unix "$n" 150 bash "$here/unix/unix.sh" \
      "$here/guest/$n.c" "$build/tests/unix/$n"
  done
  for n in $(names unix sh); do
    run unix "$n" 300 bash "$here/unix/$n.sh"
  done
}

lab_suite() {
  local n
  [ -n "$(names lab sh)" ] || return
  make_all tests
  for n in $(names lab sh); do
    run lab "$n" 600 bash "$here/lab/$n.sh"
  done
}

for s in $suites; do
  case $s in
  unit) host_suite unit 300 ;;
  sim) host_suite sim 600 ;;
  fuzz) host_suite fuzz 300 ;;
  unix) unix_suite ;;
  guest) guest_suite ;;
  lab) lab_suite ;;
  *)
    echo "run.sh: no suite '$s' (expected unit, sim, fuzz, unix, guest or
      lab)" >&2
    exit 2
    ;;
  esac
done
if [ $((passed + failed + skipped)) = 0 ]; then
  echo "run.sh: no test is called '$only'" >&2
  exit 2
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
