#!/bin/bash
# SPDX-License-Identifier: ISC
#
# xen.sh - events, grants, xenstore and wake-ups of a guest of ours beside a
# Linux PVH guest that does the same with Xen's libraries; dom0's side
# (tests/lab/dom0/peer.c) is the same for both. In the lab's counted mode: one
# instruction is one nanosecond.
#
# Interface: xen.sh BUILD, from the root of the sources. Prints a table (name,
# Fata, Linux, unit) and writes BUILD/bench/xen.json. M=wall: real time.
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

set -eu

build=${1:?usage: xen.sh BUILD}
rounds=${ROUNDS:-50}
fata=$build/fata
out=$build/bench/xen
mkdir -p "$out"
make -s BUILD="$build" "$build/tests/lab/peer.xen" \
  "$build/tests/lab/dom0/peer" "$fata"
xen=$build/pkg/dev/usr
${HCC:-gcc} -O2 -Wall -Wextra -Werror -D_GNU_SOURCE \
  -D__XEN_INTERFACE_VERSION__=0x00040e00 -isystem "$xen/include" -static \
  bench/xen/linux.c -o "$out/linux" -L"$xen/lib/x86_64-linux-gnu" \
  -lxenevtchn -lxengnttab -lxenstore -lxentoolcore -lxentoollog -lpthread

own=
if [ -z "${FATA_LAB_RUN:-}" ]; then
  own=$(mktemp -d)
  export FATA_LAB_RUN=$own/run
  trap '"$fata" lab down; rm -rf "$own"' EXIT
fi
mode=--counted
[ "${M:-}" != wall ] || mode=
# shellcheck disable=SC2086 # no word or one
"$fata" lab up $mode
"$fata" lab put "$build/tests/lab/dom0/peer" /root/peer

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

cat >"$out/cfg" <<END
name = "bench"
type = "pvh"
kernel = "/root/bench.xen"
memory = 64
tsc_mode = "native"
cmdline = "pages $rounds"
max_event_channels = 4200
on_crash = "preserve"
on_poweroff = "preserve"
END
"$fata" lab put "$build/tests/lab/peer.xen" /root/bench.xen
"$fata" lab put "$out/cfg" /root/bench.cfg
"$fata" lab exec 'xl create -q /root/bench.cfg' </dev/null
measure bench >"$out/fata.txt"

# what needs no partner
"$fata" cc -O2 bench/xen/own.c -o "$out/own.xen"
"$fata" lab put "$out/own.xen" /root/own.xen
timeout 900 "$fata" lab exec "
  sed 's/bench/own/; s/pages \(.*\)\"/\1\"/' /root/bench.cfg >/root/own.cfg
  xl create -q /root/own.cfg
  log=/var/log/xen/console/guest-own.log
  for i in \$(seq 600); do
    grep -q 'figure done' \$log && break
    sleep 1
  done
  tr -d '\r' <\$log | sed -n '/done/d; s/.*figure //p'
  xl destroy own" </dev/null >>"$out/fata.txt"

printf '#!/bin/sh\nexec /guest/linux %s\n' "$rounds" >"$out/script"
FATA=$fata lab/linux-guest.sh -s "$out/script" -f "$out/linux" linux
measure linux >"$out/linux.txt"

awk -v json="$build/bench/xen.json.new" '
  NR == FNR { linux[$1] = $2; next }
  { fata[$1] = $2; name[++n] = $1 }
  END {
    printf "{\"bench\": \"xen\", \"rows\": [" >json
    for (i = 1; i <= n; i++) {
      k = name[i]
      rate = k ~ /\/s$/
      printf "%s\n{\"name\": \"%s\", \"unit\": \"%s\", \"better\": \"%s\", " \
        "\"fata\": %d", (i > 1 ? "," : ""), k, rate ? "1/s" : "ns",
        rate ? "more" : "less", fata[k] >json
      if (k in linux)
        printf ", \"peer\": %d, \"peer_name\": \"Linux PVH guest\"", \
          linux[k] >json
      printf "}" >json
      printf "%-28s %10d %10s %s\n", k, fata[k], linux[k], rate ? "1/s" : "ns"
    }
    print "\n]}" >json
  }' "$out/linux.txt" "$out/fata.txt"
mv "$build/bench/xen.json.new" "$build/bench/xen.json"
