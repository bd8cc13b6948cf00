#!/bin/bash
# SPDX-License-Identifier: ISC
#
# idle.sh - an idle guest does not wake up once in a minute, by Xen's own trace
# of its scheduler; and the same trace sees it when it is woken.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
lab --counted
test_guest

# switches SECONDS [COMMAND]: records of the guest's running, blocking and waking
# while COMMAND runs in dom0 (not the scheduler's bookkeeping, subclass 0x2000).
switches()
{
  timeout 300 "$fata" lab exec "
    xentrace -D -e 0x00029000 -T $1 /tmp/$domain.trace >/dev/null 2>&1 &
    sleep 1
    ${2:-true}
    wait
    xenalyze --dump-all /tmp/$domain.trace 2>/dev/null | grep -c ' d${id}v0\| dom:vcpu 0x000${id}0000\|$id:0\b'
    rm -f /tmp/$domain.trace" </dev/null
}

guest 1 "$image" 'extra = "idle"'
id=$(dom0 "xl domid $domain")
dom0 'sleep 10'
n=$(switches 61)
m=$(switches 5 "xl sysrq $domain m; sleep 2")
note "an idle minute: $n records of the guest; woken once: $m"
[ "$m" -gt 0 ] || broken "the trace does not see a guest that is woken"
expect "wake-ups of an idle guest in a minute" "$n" 0
