#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tutorial.sh - the commands of docs/tutorial.md, all of them, down to two
# guests in the lab.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/tutorial.sh
. "$(dirname "$0")/../lib/tutorial.sh"
page=$(cd "$(dirname "$0")/../.." && pwd)/docs/tutorial.md

check()
{
  local what=$1
  shift
  "$@" || fail "$what"
  note "$what"
}

command -v gdb >/dev/null || skip "no gdb"
# shellcheck disable=SC2119 # no options
lab
PATH=$B:$PATH
cd "$tmp" || broken "no $tmp"
tutorial "$page" xen
