#!/bin/bash
# SPDX-License-Identifier: ISC
#
# peer.sh - event channels, grants and xenstore between a guest of ours and a
# program in dom0 that uses Xen's own libraries: pages both ways, also while
# dom0 keeps what the guest revokes; 4,000 channels, each fired both ways; no
# grant stays in use, by Xen's own list. With FATA_SOAK=1 20,000 channels as well
# (Xen looks for each free port from the first on), and the guest maps 1,000,000
# times instead of 20,000.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab
image=$B/tests/lab/peer.xen
maps=${MAPS:-$([ -z "${FATA_SOAK:-}" ] && echo 20000 || echo 1000000)}

"$fata" lab put "$B/tests/lab/dom0/peer" /root/peer || broken "cannot put peer"

# talk NAME CMDLINE [LINE...]: the guest and dom0's program, to their ends.
talk()
{
  local name=$1 cmdline=$2

  shift 2
  guest "$name" "$image" 'memory = 64' "cmdline = \"$cmdline\"" \
    'max_grant_frames = 64' 'on_poweroff = "preserve"' "$@"
  timeout 1200 "$fata" lab exec "/root/peer \$(xl domid $domain)" </dev/null \
    >"$tmp/peer" 2>&1 || {
    cat "$tmp/peer"
    fail "dom0's side failed"
  }
  wait_end 60
  expect_match "the guest's last words" "$(console "$domain")" '^peer: ok'
  expect "why it ended" "$(end_reason)" 0
  console "$domain" | sed -n 's/^figure /# /p'
}

# What Xen holds for a domain's grants: lines of entries that somebody maps, of
# the guest's table and of dom0's that the guest maps; then the guest's
# maptrack frames.
in_use()
{
  dom0 "xl dmesg -c >/dev/null
    xl debug-keys g
    usleep 300000
    xl dmesg" | awk -v id="$1" '
      /grant-table for remote d/ {
        d = $0; sub(/.*remote d/, "", d); sub(/[^0-9].*/, "", d)
      }
      /maptrack frames/ && d == id { sub(/.*max\), /, ""); track = $1 }
      /^\(XEN\) *\[0x/ && (d == id || $0 ~ " d" id " ") { n++ }
      END { print n + 0, track + 0 }'
}

talk pages "pages 20 $maps" 'max_event_channels = 4200'
expect_match "the mappings" "$(console "$domain")" "^mapped $maps times"
read -r used track < <(in_use "$(dom0 "xl domid $domain")")
# the console's and xenstore's page are dom0's as long as the domain lives
[ "$used" -le 2 ] || fail "$used grants are in use"
[ "$track" -le 2 ] || fail "$track frames of mappings after $maps of them"
note "$maps mappings: $used grants in use, $track maptrack frames"
dom0 "xl destroy $domain"

talk v2 '--gnttab-v2 pages 4 64' 'max_event_channels = 4200'
console "$domain" | grep -q 'refuses version 2' &&
  note "this Xen has no grant table version 2"
dom0 "xl destroy $domain"

for n in 4000 ${FATA_SOAK:+20000}; do
  talk $n "channels $n" "max_event_channels = $((n + 20))"
  expect_match "the channels" "$(console "$domain")" \
    "^$n channels, fifo, 2 rounds, 0 stray"
  dom0 "xl destroy $domain"
done
