# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# lib.sh - what the tests of the network share, besides ../lib.sh: the peer in
# dom0 (dom0/net.c) and guests that it talks to.

bridge=xenbr0

# long NUMBER NUMBER: the second one in a soak
long()
{
  if [ -n "${FATA_SOAK:-}" ]; then echo "$2"; else echo "$1"; fi
}

put_peer()
{
  "$fata" lab put "$B/tests/lab/dom0/net" /root/net || broken "cannot put net"
}

# own_bridge [NAME ADDRESS]: a bridge in dom0 without the lab's outside. QEMU
# answers for every address in xenbr0 that it does not know, with a reset, so
# guests whose card goes away belong here. Its address is not looked for twice
# (DAD): for a second it could not be used. Sets $bridge to its name.
own_bridge()
{
  bridge=${1:-fatabr0}
  dom0 "[ ! -e /sys/class/net/$bridge ] || exit 0
    brctl addbr $bridge &&
    echo 0 >/proc/sys/net/ipv6/conf/$bridge/accept_dad &&
    ip address add ${2:-10.9.0.1}/24 dev $bridge &&
    ip link set $bridge up" || broken "cannot make a bridge"
}

# net_guest NAME ADDRESS [LINE...]: runs tests/lab/net.c
net_guest()
{
  local name=$1 address=$2

  shift 2
  guest "$name" "$B/tests/lab/net.xen" 'memory = 64' \
    "vif = ['bridge=$bridge']" "cmdline = \"--ip $address/24\"" "$@"
  wait_console 30 READY
}

# peer SECONDS WHAT N ADDRESS
peer()
{
  local start=$SECONDS

  timeout "$1" "$fata" lab exec "/root/net $2 $4 $3" </dev/null >"$tmp/peer" ||
    fail "$2 $3 $4: status $?: $(tail -3 "$tmp/peer")"
  note "$2 $3 $4: $((SECONDS - start)) s $(tail -1 "$tmp/peer")"
}

# The link-local address that belongs to a domain's card.
local_address()
{
  local mac m

  mac=$(dom0 "xl network-list $1" | awk 'NR == 2 { print $3 }')
  IFS=: read -r -a m <<<"$mac"
  printf 'fe80::%x%s:%sff:fe%s:%s%s' $((16#${m[0]} ^ 2)) "${m[@]:1}"
}
