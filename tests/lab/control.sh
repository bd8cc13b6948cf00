#!/bin/bash
# SPDX-License-Identifier: ISC
#
# control.sh - what the toolstack asks of a running guest, but for suspends
# (lifecycle.sh): memory up and down in a loop, sysrq, shutdown and reboot that
# wait, the watchdog, and the trace that dom0 reads out of the guest's memory.
# ROUNDS of memory: 2, or 50 with FATA_SOAK=1.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab
image=$B/tests/lab/control.xen
rounds=${ROUNDS:-$([ -z "${FATA_SOAK:-}" ] && echo 2 || echo 50)}

domid()
{
  dom0 "xl domid $domain"
}

# key NAME PATTERN: until the guest has written this below its data
key()
{
  wait_for 60 "$1 = $2" \
    "xenstore-read /local/domain/\$(xl domid $domain)/data/$1 | grep -qE '^$2$'"
}

# ask WORD: the guest answers through xenstore
ask()
{
  dom0 "xenstore-write /local/domain/$(domid)/data/ask $1"
  key answer "$1"
}

# target MIB HELD: until the guest holds back so many pages
target()
{
  dom0 "xl mem-set $domain $1" || fail "xl mem-set $1"
  key balloon "$2"
}

# --- memory: it starts with less than it may have (populate on demand) -----------

guest memory "$image" 'maxmem = 64'
# 32 MiB, and what the toolstack keeps for itself
wait_console 30 '^ready, balloon 8[12][0-9][0-9]'
for ((i = 1; i <= rounds; i++)); do
  target 24 10240
  target 48 4096
  target 64 0
  target 32 8192
  ask "memory$i"
done
# below what is in use: it gives what it can, and lives
dom0 "xl mem-set $domain 8"
key short '1[0-9]{4}'
ask short
target 64 0
ask grown
dom0 "xl destroy $domain"

# --- sysrq -----------------------------------------------------------------------

guest sysrq "$image" 'on_poweroff = "preserve"'
wait_console 30 '^ready'
for pair in 'm:lifecycle: memory:' 't:balloon' 'e:evtchn: port ' \
  'h:sysrq c: crash'; do
  dom0 "xl sysrq $domain ${pair%%:*}"
  wait_console 30 "${pair#*:}"
done
dom0 "xl sysrq $domain o"
wait_end 30
expect "sysrq o" "$(end_reason)" 0
for pair in b:1 c:3; do
  guest "sysrq-${pair%:*}" "$image" 'on_reboot = "preserve"'
  wait_console 30 '^ready'
  dom0 "xl sysrq $domain ${pair%:*}"
  wait_end 30
  expect "sysrq ${pair%:*}" "$(end_reason)" "${pair#*:}"
done
expect_match "a crash that was asked for" "$(console "$domain")" \
  'fata: panic: the toolstack asked for a crash'

# --- reboot and shutdown, each waited for ----------------------------------------

guest end "$image"
wait_console 30 '^ready'
before=$(domid)
said=$(dom0 "xl reboot -w $domain 2>&1") || fail "xl reboot -w: $said"
wait_for 60 "a second life" \
  "[ \$(grep -c ^ready /var/log/xen/console/guest-$domain.log) = 2 ]"
[ "$(domid)" != "$before" ] || fail "the same domain after a reboot"
expect_match "its words" "$(console "$domain")" '^reboot, all well'
expect "why its first life ended" "$(end_reason)" 1
said=$(dom0 "xl shutdown -w $domain 2>&1") || fail "xl shutdown -w: $said"
expect_match "what xl saw" "$said" 'reason code 0'
expect_match "its last words" "$(console "$domain")" '^poweroff, all well'

# --- the watchdog ----------------------------------------------------------------

guest dog "$image" 'extra = "--watchdog=3s"' 'on_watchdog = "preserve"'
wait_console 30 '^ready'
dom0 'sleep 8'
ask alive # fed for twice its time
dom0 "xenstore-write /local/domain/$(domid)/data/ask hang"
wait_end 60
expect "what the watchdog did" "$(end_reason)" 4

# --- suspend asked for through an event channel --------------------------------

guest port "$image"
wait_console 30 '^ready'
port()
{
  dom0 "xenstore-read /local/domain/$(domid)/device/suspend/event-channel"
}
expect_match "the port" "$(port)" '^[1-9][0-9]*$'
dom0 "xl save -c $domain /tmp/$domain.save 2>&1 | cat >/dev/null
  rm -f /tmp/$domain.save"
wait_console 30 '^same'
expect_match "who asked" "$(console "$domain")" \
  'lifecycle: suspend asked for through the event channel'
expect "the acknowledgement that xl did not need" "$(dom0 "xenstore-read \
  /local/domain/$(domid)/control/shutdown")" ''
dom0 "xl destroy $domain"

# --- trace and metrics -----------------------------------------------------------

guest trace "$image" 'on_reboot = "destroy"' \
  'extra = "--trace=64K --trace-dump --metrics=1s"'
wait_console 30 '^ready'
wait_console 60 'metrics: .*xenstore.requests=[1-9]'
expect_match "the trace's grants" \
  "$(dom0 "xenstore-read /local/domain/$(domid)/data/fata/trace")" '^16 [0-9]+$'
"$fata" lab put "$B/tests/lab/dom0/trace" /root/trace || broken "cannot put"
dom0 "/root/trace $(domid)" >"$tmp/trace" || fail "dom0 cannot read the trace"
"$fata" trace "$tmp/trace" -o "$tmp/trace.json" || fail "no timeline of dom0's"
expect_match "dom0's timeline" "$(cat "$tmp/trace.json")" \
  '"name":"thread_name","args":."name":"lifecycle"'
dom0 "xl reboot $domain" || fail "xl reboot"
wait_end 60
expect "why it ended" "$(end_reason)" 1
console "$domain" >"$tmp/console"
"$fata" trace "$tmp/console" -o "$tmp/trace.json" || fail "no trace"
expect_match "the timeline" "$(cat "$tmp/trace.json")" \
  '"name":"thread_name","args":."name":"lifecycle"'
