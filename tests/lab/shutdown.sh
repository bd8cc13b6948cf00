#!/bin/bash
# SPDX-License-Identifier: ISC
#
# shutdown.sh - `xl shutdown` and `xl reboot` as SIGTERM: a handler that ends
# the program, one that does not, a signalfd, and nothing of that kind.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2119 # no options
lab
"$fata" cc -O2 -g -Wall -Wextra "$here/shutdown.c" -o "$tmp/shutdown.xen" ||
  broken "the guest does not build"

# ends HOW VERB REASON [TEXT]: the guest in mode HOW, asked to by xl VERB
ends()
{
  guest "$1" "$tmp/shutdown.xen" "extra = \"$1\"" 'on_reboot = "destroy"'
  wait_console 30 '^waiting'
  dom0 "xl $2 $domain" || fail "xl $2 $domain"
  wait_end 30
  expect "how $1 ended after $2" "$(end_reason)" "$3"
  [ -z "${4:-}" ] || expect_match "$1" "$(console "$domain")" "$4"
  destroy "$domain"
}

ends handler shutdown 0 '^handled 15, exit$'
ends handler reboot 1 '^handled 15, exit$'
ends default shutdown 0 'poweroff asked for'
ends signalfd shutdown 0 '^signalfd 15$'
ends thread shutdown 0 '^sigwait 15$'
# one that wants to stay does, until it is asked again
ends twice "shutdown $test_name-twice-$$; sleep 1; xl shutdown" 0 '^handled 15, once more$'
