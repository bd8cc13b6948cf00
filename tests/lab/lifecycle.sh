#!/bin/bash
# SPDX-License-Identifier: ISC
#
# lifecycle.sh - a guest under the real toolstack: saved, restored, migrated,
# checkpointed, shrunk and grown while it runs, then shut down and rebooted.
# ROUNDS (default 2) says how often each.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab
image=$B/tests/lab/lifecycle.xen

domid()
{
  dom0 "xl domid $domain"
}

# key NAME VALUE: until the guest has written this below its data
key()
{
  wait_for 60 "$1 = $2" \
    "[ \"\$(xenstore-read /local/domain/$(domid)/data/$1)\" = $2 ]"
}

# ask N: the guest answers through xenstore
ask()
{
  dom0 "xenstore-write /local/domain/$(domid)/data/ask $1"
  key answer "$1"
}

guest a "$image" 'maxmem = 64'
wait_console 30 '^ready, balloon [1-9]'
ask start

for ((i = 1; i <= ${ROUNDS:-2}; i++)); do
  before=$(domid)
  dom0 "xl save $domain /tmp/$domain.save && xl restore /tmp/$domain.save
    rm -f /tmp/$domain.save" || fail "save and restore, round $i"
  [ "$(domid)" != "$before" ] || fail "the same domain after a restore"
  ask "restored$i"

  before=$(domid)
  dom0 "xl save -c $domain /tmp/$domain.save; rm -f /tmp/$domain.save" ||
    fail "checkpoint, round $i"
  expect "the domain after a checkpoint" "$(domid)" "$before"
  ask "checkpoint$i"

  dom0 "xl migrate -s '' $domain 'xl migrate-receive'" ||
    fail "migrate, round $i"
  [ "$(domid)" != "$before" ] || fail "the same domain after a migration"
  ask "migrated$i"

  dom0 "xl mem-set $domain 24"
  key balloon 10240
  dom0 "xl mem-set $domain 32"
  ask "memory$i"
done

# A migrated domain's console is logged under the name it arrived with.
dom0 "xl sysrq $domain m"
wait_console 60 'lifecycle: memory:' "$domain--incoming"
said=$(dom0 "xl shutdown -w $domain 2>&1") || fail "xl shutdown"
expect_match "what xl saw" "$said" 'reason code 0'
expect_match "its last words" "$(console "$domain--incoming")" \
  'suspends .*, all well'

guest b "$image" 'on_reboot = "destroy"' \
  'extra = "--trace=64K --trace-dump --metrics=1s"'
wait_console 30 '^ready'
wait_console 60 'metrics: .*xenstore.requests=[1-9]'
expect_match "the trace's grants" \
  "$(dom0 "xenstore-read /local/domain/$(domid)/data/fata/trace")" '^16 [0-9]+$'
dom0 "xl reboot $domain" || fail "xl reboot"
wait_end 60
expect "why it ended" "$(end_reason)" 1
console "$domain" >"$tmp/console"
"$fata" trace "$tmp/console" -o "$tmp/trace.json" || fail "no trace"
expect_match "the timeline" "$(cat "$tmp/trace.json")" \
  '"name":"thread_name","args":."name":"lifecycle"'
