#!/bin/bash
# SPDX-License-Identifier: ISC
#
# vchan.sh - streams between a guest and dom0: the same source on both sides,
# each as server and as client, with small and large rings; and libxenvchan.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2119 # no options
lab

"$fata" cc -t unix -O1 -g -Wall -Wextra -I"$here/.." "$here/vchan.c" \
  -o "$tmp/ours" || broken "the twin does not build"
"$fata" lab put "$tmp/ours" /root/ours || broken "cannot put it"
"$fata" lab put "$B/tests/lab/dom0/vchan" /root/theirs || broken "cannot put it"

# talk PROGRAM-IN-DOM0 ROLE-OF-DOM0 ROLE-OF-THE-GUEST SIZE BYTES
talk()
{
  local id rc

  guest_paused "$1-$2-$4" "$B/tests/lab/vchan.xen" \
    "cmdline = \"$3 0 data/vchan/0/t $4 $5\""
  id=$(dom0 "xl domid $domain")
  # a guest may write below its own folder only
  dom0 "xl unpause $domain
    /root/$1 $2 $id /local/domain/$id/data/vchan/0/t $4 $5" >"$tmp/out" 2>&1
  rc=$?
  expect "$1 $2 $4: dom0's status ($(tail -n 1 "$tmp/out"))" $rc 0
  wait_end 60
  expect_match "$1 $2 $4: the guest" "$(console "$domain")" \
    "^vchan $3: ok"
  expect "why it ended" "$(end_reason "$domain")" 0
  note "$1 $2, rings of $4: ok"
}

talk ours connect serve 1024 20000
talk ours serve connect 65536 300000
talk theirs connect serve 65536 300000
talk theirs serve connect 1000 20000
