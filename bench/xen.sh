#!/bin/bash
# SPDX-License-Identifier: ISC
#
# xen.sh - events, grants, xenstore and wake-ups of a guest of ours beside a
# Linux PVH guest that does the same with Xen's libraries; dom0's side
# (tests/lab/dom0/peer.c) is the same for both. In the lab's counted mode: one
# instruction is one nanosecond.
#
# Interface: xen.sh BUILD, from the root of the sources; see bench/lab.sh.
# ROUNDS (50): of each.
#
# What a mapping costs: nearly all of it is Xen's, 11,000 to 13,000 instructions
# a page for the map and as many for the unmap, 14 for our own touch of it. Xen
# copies each operation in and out by walking the guest's page tables, and looks
# up every table that it passes: where the operations lie in 4 KiB pages it
# walks four levels, in 2 MiB pages three, and that is 1,450 of those
# instructions. Ours were on the task's stack (4 KiB pages) and are in a page of
# the page allocator now. Linux' single maps of 16 pages take 194,000 or 217,000,
# the same 1,450 a page, and those of 64 nearly always the lesser: so probably by
# where its own array lies, which for 64 is 2 KiB of its large pages, and for 256
# is not. At 64, in one lab:
#
#     on the stack   26.5 us a page    Linux 24.2
#     in a page      23.3
build=${1:?usage: xen.sh BUILD}
# shellcheck source=bench/lab.sh
. bench/lab.sh
rounds=${ROUNDS:-50}

make -s BUILD="$build" "$build/tests/lab/peer.xen" "$build/tests/lab/dom0/peer"
xen=$build/pkg/dev/usr
${HCC:-gcc} -O2 -Wall -Wextra -Werror -D_GNU_SOURCE \
  -D__XEN_INTERFACE_VERSION__=0x00040e00 -isystem "$xen/include" -static \
  bench/xen/linux.c -o "$tmp/linux" -L"$xen/lib/x86_64-linux-gnu" \
  -lxenevtchn -lxengnttab -lxenstore -lxentoolcore -lxentoollog -lpthread
bench_lab
bench_put "$build/tests/lab/dom0/peer" /root/peer

# Run dom0's side against a domain; its figures go to standard output.
measure() { # NAME
  timeout 900 "$fata" lab exec "/root/peer \$(xl domid $1) >&2 &&
    for i in \$(seq 300); do
      grep -q 'figure copy-page-256' /var/log/xen/console/guest-$1.log && break
      sleep 0.1
    done
    tr -d '\r' </var/log/xen/console/guest-$1.log | sed -n 's/.*figure //p'
    xl destroy $1 2>/dev/null; true" </dev/null
}

guest_config bench "$build/tests/lab/peer.xen" 'memory = 64' \
  "cmdline = \"pages $rounds\"" 'max_event_channels = 4200' \
  'on_crash = "preserve"' 'on_poweroff = "preserve"'
"$fata" lab exec 'xl create -q /tmp/bench.cfg' </dev/null
measure bench >"$tmp/fata.txt"

# what needs no partner
"$fata" cc -O2 bench/xen/own.c -o "$tmp/own.xen"
guest_config own "$tmp/own.xen" 'memory = 64' "cmdline = \"$rounds\"" \
  'max_event_channels = 4200' 'on_crash = "preserve"' 'on_poweroff = "preserve"'
timeout 900 "$fata" lab exec "xl create -q /tmp/own.cfg
  log=/var/log/xen/console/guest-own.log
  for i in \$(seq 600); do
    grep -q 'figure done' \$log && break
    sleep 1
  done
  tr -d '\r' <\$log | sed -n '/done/d; s/.*figure //p'
  xl destroy own" </dev/null >>"$tmp/fata.txt"

printf '#!/bin/sh\nexec /guest/linux %s\n' "$rounds" >"$tmp/script"
lab/linux-guest.sh -s "$tmp/script" -f "$tmp/linux" linux
measure linux >"$tmp/linux.txt"

for who in fata linux; do
  awk -v who=$who '{
    rate = $1 ~ /\/s$/
    printf "%s|%s|%s|%s|%d\n", who, $1, rate ? "1/s" : "ns",
      rate ? "more" : "less", $2
  }' "$tmp/$who.txt"
done | bench_table xen
