#!/bin/bash
# SPDX-License-Identifier: ISC
#
# host.sh - what a host does besides asking: xenstored is updated while a guest
# has watches, requests and transactions under way (UPDATES: 3, or 50 with
# FATA_SOAK=1), a debug key of Xen's interrupts the guest, its grant table is as
# small as four frames, and it asks for a soft reset.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab
image=$B/tests/lab/host.xen
updates=${UPDATES:-$([ -z "${FATA_SOAK:-}" ] && echo 3 || echo 50)}

# --- a small grant table ----------------------------------------------------------

guest grants "$image" 'extra = "grants"' 'max_grant_frames = 4'
wait_end 60
expect_match "a small grant table" "$(console "$domain")" '^host: ok'
note "$(console "$domain" | grep references)"

# --- a soft reset: what xl makes of it is on_soft_reset's ---------------------------

guest reset "$image" 'extra = "soft-reset"' 'on_soft_reset = "preserve"'
wait_for 60 "a soft reset" \
  "grep -q 'shut down, reason code 5' /var/log/xen/xl-$domain.log"
destroy "$domain"

# --- xenstored is updated ---------------------------------------------------------

# data N: all followers see it
go()
{
  dom0 "xenstore-write /local/domain/$id/data/go $1"
  wait_for 120 "what the watches see: $1" \
    "[ \$(xenstore-read /local/domain/$id/data/seen) = $1 ]"
}

guest update "$image" 'extra = "update"'
wait_console 30 '^ready'
id=$(dom0 "xl domid $domain")
go 1
before=$(dom0 'cat /run/xenstored.pid')
for ((i = 1; i <= updates; i++)); do
  # the first waits for all transactions; others do not wait for the slow one
  force=$([ $i = 1 ] || echo '-F -t 1')
  dom0 "xenstore-control live-update $force /usr/sbin/xenstored" ||
    fail "update $i"
  go $((i + 1))
done
expect_match "the daemon's words after an update" \
  "$(dom0 "tr '\0' ' ' </proc/$before/cmdline")" ' -U'

# --- Xen's debug key --------------------------------------------------------------

for i in 1 2; do
  dom0 'xl debug-keys q'
  wait_console 30 "^debug $i"
done

go 1000
wait_end 60
expect_match "after $updates updates" "$(console "$domain")" '^host: ok'
note "$updates updates: $(console "$domain" | grep written)"
