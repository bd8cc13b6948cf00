#!/bin/bash
# SPDX-License-Identifier: ISC
#
# hotplug.sh - a card and a disk are attached to a running guest, used and
# detached, one time after another: no port, grant, watch or byte of heap is
# left of them in the guest, and no port in Xen. 20 times; FATA_SOAK=1: 200.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# counted: the host may be as busy as it likes
lab --counted
image=$B/tests/lab/hotplug.xen
times=${TIMES:-$([ -z "${FATA_SOAK:-}" ] && echo 20 || echo 200)}

# Ports of the guest that Xen holds.
ports()
{
  dom0 "xl dmesg -c >/dev/null
    xl debug-keys e
    usleep 300000
    xl dmesg" | awk -v id="$1" '
      /Event channel information for/ { ours = $0 ~ "domain " id ":" }
      ours && / s=[0-9]/ { n++ }
      END { print n + 0 }'
}

dom0 'dd if=/dev/urandom of=/tmp/disk.img bs=64k count=1 2>/dev/null
  modprobe xen-blkback' || broken "no disk"
guest both "$image" "cmdline = \"$times\"" 'on_poweroff = "preserve"'
wait_console 30 '^ready'
id=$(dom0 "xl domid $domain")
for ((i = 1; i <= times; i++)); do
  dom0 "xl network-attach $domain bridge=xenbr0 &&
    xl block-attach $domain format=raw,vdev=xvda,target=/tmp/disk.img" ||
    fail "attaching, time $i"
  wait_console 60 "^$i up"
  dom0 "xl network-detach $domain 0 && xl block-detach $domain xvda" ||
    fail "detaching, time $i"
  wait_console 60 "^($i down|WRONG)"
  [ "$i" != 1 ] || first=$(ports "$id")
  # the guest ends after the last time
  [ "$i" != $((times - 1)) ] || last=$(ports "$id")
done
wait_end 30
expect_match "its last words" "$(console "$domain")" '^hotplug: ok'
note "$(console "$domain" | grep "^$times down")"
[ "$first" -gt 0 ] || broken "Xen's list names no port of domain $id"
expect "its ports in Xen" "$last" "$first"
