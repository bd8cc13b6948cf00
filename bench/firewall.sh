#!/bin/bash
# SPDX-License-Identifier: ISC
#
# firewall.sh - a router beside Linux: examples/firewall as a Fata guest, and
# Debian's Linux as a PVH guest with xen-netback, ip_forward and nftables, both
# with one vCPU and the same memory. One client, a Linux guest, has an interface
# behind each, and measures (bench/net) a server in dom0, by one after the
# other. Both hide the client behind their own address, and let nothing in that
# it has not asked for.
#
#     server in dom0 -- xenbr0 -+- [fata 10.0.2.80]  --vif-- 10.9.0.2 eth1 client
#            10.0.2.15          +- [linux 10.0.2.81] --vif-- 10.8.0.2 eth2 client
#             10.7.0.1          +------ commands ----- 10.7.0.2 eth0 client
#
# tcp-in is from the client to the server, tcp-out to the client. CPU times are
# of the router, of the client and of dom0, for all cases together. Besides, by
# Xen's trace: how often each router is left for Xen (exits, and the hypercalls
# among them) in a run of each case.
#
# Interface: firewall.sh BUILD, from the root of the sources; see bench/lab.sh.
# ROUNDS (1): each figure is the median of so many. MEGABYTES (40): a transfer.
build=${1:?usage: firewall.sh BUILD}
# shellcheck source=bench/lab.sh
. bench/lab.sh
rounds=${ROUNDS:-1} megabytes=${MEGABYTES:-40}

"$fata" cc -O2 -g examples/firewall/*.c -o "$tmp/firewall.xen"
musl_program "$tmp/server" bench/net/server.c
musl_program "$tmp/client" bench/net/client.c
xen=$build/pkg/dev/usr
gcc -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -isystem "$xen/include" -static \
  bench/firewall/cpu.c -o "$tmp/cpu" -L"$xen/lib/x86_64-linux-gnu" \
  -lxenctrl -lxencall -lxenforeignmemory -lxendevicemodel -lxenevtchn \
  -lxengnttab -lxenhypfs -lxenstore -lxentoolcore -lxentoollog -lpthread -lz

# The modules of Linux' router, those that they need before them; libcrc32c
# asks for crc32c by name only.
modules=()
release=$(echo "$FATA_LAB_DIR"/pkg/lib/modules/*)
add_module()
{
  local file dep deps

  file=$(find "$release" -name "$1.ko" -o -name "${1//_/-}.ko" | head -1)
  [ -n "$file" ] || return 0 # built into the kernel
  case " ${modules[*]} " in *" $file "*) return ;; esac
  deps=$(tr '\0' '\n' <"$file" | sed -n 's/^depends=//p')
  for dep in ${deps//,/ }; do
    add_module "$dep"
  done
  modules+=("$file")
}

# The router's interface comes with the client, and is vif and its number.
router()
{
  local m

  cat <<'END'
#!/bin/sh
tar -xf nft.tar -C /
END
  for m in "${modules[@]}"; do
    echo "insmod ./$(basename "$m") || exit"
  done
  cat <<'END'
echo 1 >/proc/sys/net/ipv4/ip_forward
nft -f - <<RULES || exit
table ip wall {
  chain forward {
    type filter hook forward priority filter; policy drop
    iifname "vif*" accept
    ct state established,related accept
  }
  chain out {
    type nat hook postrouting priority srcnat
    oifname "eth0" masquerade
  }
}
RULES
echo READY
until [ -e /sys/class/net/vif* ]; do usleep 50000; done
cd /sys/class/net && vif=$(echo vif*)
ip address add 10.8.0.1/24 dev $vif
ip link set $vif up
sleep 100000
END
}

cat >"$tmp/commands" <<'END'
#!/bin/sh
ip address add 10.9.0.2/24 dev eth1
ip link set eth1 up
ip address add 10.8.0.2/24 dev eth2
ip link set eth2 up
echo READY
while :; do nc -l -p 7000 -e /bin/sh; done
END

# In dom0.
cat >"$tmp/functions" <<'EOF'
says() # a COMMAND in the client, its output
{
  echo "$1" | nc 10.7.0.2 7000
}
by() # GATEWAY CARD: the client's way to the server
{
  says "ip route replace 10.0.2.15 via $1 dev $2; ping -c 2 -W 5 -q 10.0.2.15" |
    grep -q ' 0% packet loss' || { echo "no ping by $1" >&2; exit 1; }
}
# All CPU time so far, in s, with a name for each: cpu WHO
cpu()
{
  /tmp/cpu $(xl domid $1) 0 $(xl domid client) |
    awk '{ print $1 / 1e9, $2 / 1e9, $3 / 1e9 }'
}
alone() # GUEST CASE UNIT NUMBER: that many units are in the case
{
  id=$(xl domid $1)
  set -- $1 $2 $3 $4 $(/tmp/cpu $id 0)
  says "timeout 200 ./client 10.0.2.15 $megabytes $2" >/tmp/alone
  echo $* $(/tmp/cpu $id 0) | awk '{
    printf "%s %s-cpu-router us/%s %.1f\n", $1, $2, $3, ($7 - $5) / $4 / 1000
    printf "%s %s-cpu-dom0 us/%s %.1f\n", $1, $2, $3, ($8 - $6) / $4 / 1000
  }'
  exits $1 $2 $3 $4 says "timeout 200 ./client 10.0.2.15 $megabytes $2"
}
await() # PATTERN GUEST
{
  tries=0
  until grep -q "$1" /var/log/xen/console/guest-$2.log; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || { echo "$2 does not start" >&2; exit 1; }
    usleep 100000
  done
}
EOF

bench_lab
for m in crc32c_generic nf_tables nft_ct nft_masq nft_chain_nat xen_netback; do
  add_module $m
done
lab/dom0-add.sh -o "$tmp/nft.tar" nftables -- /usr/sbin/nft || die "no nft"
router >"$tmp/script"
guest_config fata "$tmp/firewall.xen" 'driver_domain = 1' \
  'vif = ["bridge=xenbr0,ip=10.0.2.80"]' 'extra = "--gateway 10.0.2.15"'
bench_put "$tmp/server" /tmp/server
bench_put "$tmp/cpu" /tmp/cpu
bench_put "$tmp/functions" /tmp/functions
bench_put "$tmp/exits" /tmp/exits
# Linux first: dom0 gets its large files while nothing else runs.
timeout 300 lab/linux-guest.sh -a 10.0.2.81/24 -s "$tmp/script" \
  -f "$tmp/nft.tar" "${modules[@]/#/-f}" linux 'driver_domain = 1' \
  'vif = ["bridge=xenbr0"]' || die "no Linux guest"
timeout 300 lab/linux-guest.sh -n -a 10.7.0.2/24 -s "$tmp/commands" \
  -f "$tmp/client" client 'vif = ["bridge=xenbr0",
  "backend=fata,script=,ip=10.9.0.2", "backend=linux,script=,ip=10.8.0.2"]' ||
  die "no client"

# Everything that is measured is one command, so that a counted lab goes on.
# Without udev nobody tells Linux' backend that its interface may be used.
timeout 1200 "$fata" lab exec "megabytes=$megabytes
  . /tmp/functions
  . /tmp/exits
  chmod +x /tmp/server /tmp/cpu
  ip address add 10.7.0.1/24 dev xenbr0
  /tmp/server >/dev/null 2>&1 </dev/null &
  xl create -q /tmp/fata.cfg || exit 1
  await READY linux
  await '^firewall: up' fata
  xl create -q /tmp/client.cfg || exit 1
  xenstore-write /local/domain/\$(xl domid linux)/backend/vif/\$(
    xl domid client)/2/hotplug-status connected
  await READY client
  for round in \$(seq $rounds); do
    for g in fata:10.9.0.1:eth1 linux:10.8.0.1:eth2; do
      set -- \$(echo \$g | tr : ' ')
      by \$2 \$3
      before=\$(cpu \$1)
      says \"timeout 300 ./client 10.0.2.15 $megabytes; echo status \\\$?\" \\
        >/tmp/figures
      grep -q 'status 0' /tmp/figures || { cat /tmp/figures >&2; exit 1; }
      sed \"/^status/d; s/^/\$1 /\" /tmp/figures
      set -- \$1 \$before \$(cpu \$1)
      echo \$1 cpu-router s \$2 \$5
      echo \$1 cpu-dom0 s \$3 \$6
      echo \$1 cpu-client s \$4 \$7
    done
  done
  for g in fata:10.9.0.1:eth1 linux:10.8.0.1:eth2; do
    set -- \$(echo \$g | tr : ' ')
    guest=\$1
    by \$2 \$3
    for c in tcp-in:MiB:$megabytes tcp-out:MiB:$megabytes \\
      tcp-echo-1:trip:400 tcp-connect:connection:200 udp-18:1000:20 \\
      udp-1400:1000:20 udp-out-18:1000:20 udp-out-1400:1000:20; do
      alone \$guest \$(echo \$c | tr : ' ') || exit 1
    done
  done" </dev/null >"$tmp/figures" || {
  for g in fata linux client; do
    timeout 60 "$fata" lab exec "tail -20 /var/log/xen/console/guest-$g.log" \
      </dev/null >&2
  done
  die "the measurement failed"
}
bench_medians "$tmp/figures" | bench_table firewall
