#!/bin/bash
# SPDX-License-Identifier: ISC
#
# block_busy.sh - a disk that comes and goes while the guest reads, writes and
# checks it without a pause: save and restore, migration, detaching, a backend
# that is unbound and bound again, growing. Every request is done once: what
# the guest wrote is what dom0 finds (cksum), and what it read was right.
# FATA_SOAK=1: each twenty times.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# counted: the host may be as busy as it likes
lab --counted
# shellcheck source=tests/lab/block_lib.bash
. "$(dirname "$0")/block_lib.bash"
image=$B/tests/lab/block.xen
times=${FATA_SOAK:+20}
connections=1

# The console daemon has another file for what a migration makes.
logs()
{
  echo "/var/log/xen/console/guest-$1.log" \
    "/var/log/xen/console/guest-$1--incoming.log"
}

console()
{
  dom0 "cat $(logs "$1") 2>/dev/null" | tr -d '\r'
}

# connected: until the guest has been connected once more
connected()
{
  connections=$((connections + 1))
  wait_for 60 "connection $connections" "[ \$(cat $(logs "$domain") |
    grep -c 'vbd/51712: up') -ge $connections ]"
  dom0 "usleep $((RANDOM * 20))"
}

# xl WORDS: in dom0; what it says only if it fails
xl()
{
  dom0 "$1" >"$tmp/xl" 2>&1 || {
    cat "$tmp/xl"
    fail "$1"
  }
}

block_tools
volume lv 8192
before=$(crc /dev/mapper/lv)
config='format=raw, vdev=xvda, access=rw, target=/dev/mapper/lv'
dom0 'rm -f /var/log/xen/console/guest-*--incoming.log'
guest busy "$image" 'memory = 48' 'cmdline = "busy"' "disk = [\"$config\"]"
wait_console 60 '^round 1'
expect "what it read" "$(said before)" "$before"

for i in $(seq "${times:-1}"); do
  note "$i: save and restore"
  xl "xl save $domain /tmp/$domain.save && xl restore /tmp/$domain.save &&
    rm /tmp/$domain.save"
  connected
  note "$i: migrate to the same host"
  xl "xl migrate -s ssh-self $domain localhost"
  connected
  note "$i: detach and attach"
  xl "xl block-detach $domain xvda && xl block-attach $domain '$config'"
  connected
  note "$i: unbind the backend and bind it again"
  dom0 "cd /sys/bus/xen-backend/drivers/vbd && set -- vbd-*-51712 &&
    echo \$1 >unbind && usleep 300000 && echo \$1 >bind" || fail "unbind"
  connected
done

note "growing"
dom0 "dmsetup suspend lv --noudevsync &&
  echo '$(table 16384)' | dmsetup reload lv &&
  dmsetup resume --noudevsync lv && usleep 200000" || fail "dmsetup"
wait_for 60 "growth" "cat $(logs "$domain") | grep '^grown to 8388608'"
dom0 "xenstore-write /local/domain/\$(xl domid $domain)/data/stop 1"
wait_end 120
expect_match "what it said last" "$(console "$domain")" '^block: ok'
expect "what it wrote" "$(crc /dev/mapper/lv)" "$(said after)"
stat=$(console "$domain" | grep '^stat')
note "$stat"
expect_match "connections" "$stat" "connects $connections\$"
