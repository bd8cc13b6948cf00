#!/bin/bash
# SPDX-License-Identifier: ISC
#
# qubes.sh - examples/qubes with a dom0 that speaks QubesDB and qrexec as Qubes
# OS does, through libxenvchan: both daemons go and come back.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# counted: the host may be as busy as it likes
lab --counted

put "$B/tests/lab/dom0/qubes" /root/qubes

# play VERSION: a guest, and dom0's part in that version of qrexec
play()
{
  local id rc

  guest "v$1" "$B/examples/qubes.xen"
  id=$(dom0 "xl domid $domain")
  timeout 200 "$fata" lab exec "/root/qubes $id $1" >"$tmp/out" 2>&1 </dev/null
  rc=$?
  expect "version $1: dom0's status ($(tail -n 1 "$tmp/out"))" $rc 0
  wait_console 20 'name = second'
  expect_match "its address" "$(console "$domain")" \
    '^  /qubes-ip = 10\.137\.0\.77$'
  expect_match "the commit" "$(console "$domain")" \
    "^commit of '/qubes-firewall/10\.137\.0\.9'$"
  expect_match "its rule" "$(console "$domain")" \
    '^  /qubes-firewall/10\.137\.0\.9/0000 = action=accept$'
  dom0 "xl shutdown $domain"
  wait_end 30
  expect "why it ended" "$(end_reason "$domain")" 0
  note "version $1: $(tr '\n' ';' <"$tmp/out")"
}

play 3
play 2
