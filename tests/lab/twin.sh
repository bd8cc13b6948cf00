#!/bin/bash
# SPDX-License-Identifier: ISC
#
# twin.sh - one source as a guest and as a Linux process in dom0, which talk
# over event channels, grants, xenstore and vchan (twin.c, vchan.c).

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2119 # no options
lab

"$fata" cc -t unix -O1 -g -Wall -Wextra -I"$here/.." "$here/twin.c" \
  -o "$tmp/twin" || broken "the twin does not build"
"$fata" lab put "$tmp/twin" /root/twin || broken "cannot put it"
guest_paused 1 "$B/tests/lab/twin.xen" 'cmdline = "guest dom0 0 data/twin"'
id=$(dom0 "xl domid $domain")
dom0 "xl unpause $domain"
dom0 "/root/twin dom0 guest $id /local/domain/$id/data/twin" >"$tmp/out" 2>&1
rc=$?
cat "$tmp/out"
wait_end 60
expect "dom0's status" $rc 0
expect_match "dom0's last words" "$(cat "$tmp/out")" '^twin dom0: ok'
expect_match "the guest's last words" "$(console "$domain")" '^twin guest: ok'
expect "why it ended" "$(end_reason "$domain")" 0
