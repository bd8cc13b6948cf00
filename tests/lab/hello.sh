#!/bin/bash
# SPDX-License-Identifier: ISC
#
# hello.sh - the smallest guest under the real toolstack: all of its output
# reaches the console's log though it ends within moments, and xl sees how it
# ended. Several times: a lost wake-up or a lost line shows now and then only.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab

for i in 1 2 3 4 5; do
  guest "$i" "$B/examples/hello.xen"
  wait_end 30
  expect_match "what it printed" "$(console "$domain")" '^Hello, world'
  expect "why it ended" "$(end_reason "$domain")" 0
  expect "what is left of it" "$(dom0 "xl domid $domain" 2>/dev/null)" ""
done
