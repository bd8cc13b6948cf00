#!/bin/bash
# SPDX-License-Identifier: ISC
#
# net_life.sh - what happens to a network card, each in the middle of transfers
# both ways: pulled and put back, its backend unbound and bound, the guest saved
# and restored, migrated. Every byte arrives. In a soak ten times each.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/net/lib.sh
. "$(dirname "$0")/net/lib.sh"
# shellcheck disable=SC2119 # no options
lab
put_peer
own_bridge

a=10.9.0.42
net_guest a $a
mac=$(dom0 "xl network-list $domain" | awk 'NR == 2 { print $3 }')

# during WHAT COMMAND: while so many MB are on their way in and out
during()
{
  local status size

  size=$(long 30 60)
  timeout 400 "$fata" lab exec "
    /root/net in $a $size >/tmp/in 2>&1 & in=\$!
    /root/net out $a $size >/tmp/out 2>&1 & out=\$!
    sleep 0.7
    kill -0 \$in && kill -0 \$out || echo TOO LATE
    ( $2 ) || echo FAILED
    wait \$in || echo in: status \$? \$(cat /tmp/in)
    wait \$out || echo out: status \$? \$(cat /tmp/out)" \
    </dev/null >"$tmp/during" 2>&1
  status=$?
  [ $status = 0 ] || fail "$1: status $status: $(cat "$tmp/during")"
  if grep -E 'FAILED|status' "$tmp/during"; then
    fail "$1: $(cat "$tmp/during")"
  fi
  if grep 'TOO LATE' "$tmp/during"; then
    note "$1: the transfers had ended already"
  else
    note "$1: every byte arrived"
  fi
}

for _ in $(seq "$(long 1 10)"); do
  during "network-detach and -attach" "xl network-detach $domain 0 && sleep 2 &&
    xl network-attach $domain bridge=$bridge mac=$mac"

  # Linux's netback is bound again; its card in dom0 is a new one, and the
  # hot-plug script is for udev, or us, to run.
  during "unbind and bind of the backend" "
    n=\$(xl domid $domain)-0
    cd /sys/bus/xen-backend/drivers/vif || exit 1
    echo vif-\$n >unbind || exit 1
    sleep 2
    echo vif-\$n >bind || exit 1
    XENBUS_PATH=/local/domain/0/backend/vif/\${n%-0}/0 vif=vif\${n%-0}.0 \
      /etc/xen/scripts/vif-bridge online"

  during "save and restore" "xl save $domain /tmp/saved && sleep 1 &&
    xl restore /tmp/saved && rm /tmp/saved"
  during "migrate" "xl migrate -s '' $domain 'xl migrate-receive'"
done
[ -n "$(dom0 "xl domid $domain")" ] || fail "the guest is gone"
peer 60 stat 1 $a
