#!/bin/bash
# SPDX-License-Identifier: ISC
#
# peer.sh - event channels, grants and xenstore between a guest of ours and a
# program in dom0 that uses Xen's own libraries; no grant stays in use.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab

"$fata" lab put "$B/tests/lab/dom0/peer" /root/peer || broken "cannot put peer"
guest 1 "$B/tests/lab/peer.xen" 'memory = 64' 'cmdline = "20"' \
  'max_grant_frames = 64' 'max_event_channels = 4200'
dom0 "/root/peer \$(xl domid $domain)" >"$tmp/peer" 2>&1 || {
  cat "$tmp/peer"
  fail "dom0's side failed"
}
wait_end 60
expect_match "the guest's last words" "$(console "$domain")" '^peer: ok'
expect "why it ended" "$(end_reason "$domain")" 0
console "$domain" | sed -n 's/^figure /# /p'
