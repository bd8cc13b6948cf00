#!/bin/bash
# SPDX-License-Identifier: ISC
#
# block.sh - a disk beside Linux: the same requests by a Fata guest and by a
# program in Debian's Linux as a PVH guest (O_DIRECT), both with one vCPU, on
# the same disk in dom0's memory, in turn.
#
# Interface: block.sh BUILD, from the root of the sources; see bench/lab.sh.
# MILLISECONDS (100): how long each row is measured.
#   read-4K-x16       at random, 16 under way
#   ...-copied        with memory of any kind; Linux has one kind only
#   cpu-guest-...     CPU time of the guest for each request
#   cpu-dom0-...      of dom0
build=${1:?usage: block.sh BUILD}
# shellcheck source=bench/lab.sh
. bench/lab.sh
ms=${MILLISECONDS:-100}

"$fata" cc -O2 -g bench/block/fata.c -o "$tmp/fata.xen"
musl_program "$tmp/linux" bench/block/linux.c
printf '#!/bin/sh\nexec ./linux /dev/xvda %s\n' "$ms" >"$tmp/script"
xen=$build/pkg/dev/usr
gcc -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -isystem "$xen/include" -static \
  bench/block/sample.c -o "$tmp/sample" -L"$xen/lib/x86_64-linux-gnu" \
  -lxenctrl -lxencall -lxenforeignmemory -lxendevicemodel -lxenevtchn \
  -lxengnttab -lxenhypfs -lxenstore -lxentoolcore -lxentoollog -lpthread -lz

bench_lab
disk='disk = ["format=raw, vdev=xvda, access=rw, target=/dev/ram0"]'
timeout 60 "$fata" lab exec 'modprobe brd rd_nr=1 rd_size=65536 &&
  dd if=/dev/zero of=/dev/ram0 bs=1M count=64' </dev/null 2>/dev/null ||
  die "no disk in memory"

# One guest after the other; each wait is one command, so that a counted lab
# goes on.
# measure WHO COMMAND: its console, with COMMAND running in dom0 meanwhile
measure()
{
  timeout 1500 "$fata" lab exec "$2 & tries=0
    until grep -qE 'bench: done|FAIL|panic' \
      /var/log/xen/console/guest-$1.log 2>/dev/null; do
      tries=\$((tries + 1))
      [ \$tries -lt 6000 ] || exit 1
      usleep 100000
    done
    tr -d '\r' </var/log/xen/console/guest-$1.log
    while xl domid $1 >/dev/null 2>&1; do usleep 100000; done
    sleep 1; kill %1 2>/dev/null; wait" </dev/null \
    >"$tmp/$1.log" || die "the guest $1 does not end"
  grep -q '^bench: done' "$tmp/$1.log" || die "$1: $(tail -1 "$tmp/$1.log")"
}

start_linux() # SCRIPT
{
  local _
  for _ in 1 2 3; do
    timeout 600 lab/linux-guest.sh -f "$tmp/linux" -s "$1" linux "$disk" &&
      return
  done
  die "no Linux guest"
}

start_fata()
{
  timeout 120 "$fata" lab exec 'xl create -q /tmp/fata.cfg' </dev/null ||
    die "xl cannot start the Fata guest"
}

# What the guest and dom0 had between a row's begin and end, from the samples.
cpu() # WHO
{
  awk -v who="$1" '
    function at(t, column,   i, part) {
      i = 2
      while (i < n && time[i] < t)
        i++
      part = (t - time[i - 1]) / (time[i] - time[i - 1])
      return value[i - 1, column] * (1 - part) + value[i, column] * part
    }
    NR == FNR { time[++n] = $1; value[n, 2] = $2; value[n, 3] = $3; next }
    $1 == "row" && $5 {
      printf "%s cpu-guest-%s ns %d\n", who, $2, (at($7, 3) - at($6, 3)) / $5
      printf "%s cpu-dom0-%s ns %d\n", who, $2, (at($7, 2) - at($6, 2)) / $5
    }' "$tmp/$1.samples" "$tmp/$1.log"
}

run() # WHO
{
  measure "$1" "/tmp/sample \$(xl domid $1) >/tmp/samples"
  timeout 60 "$fata" lab get /tmp/samples "$tmp/$1.samples" ||
    timeout 60 "$fata" lab get /tmp/samples "$tmp/$1.samples"
  awk -v who="$1" '$1 == "row" { print who, $2, $3, $4 }' "$tmp/$1.log" \
    >>"$tmp/figures"
  cpu "$1" >>"$tmp/figures"
}

: >"$tmp/figures"
bench_put "$tmp/sample" /tmp/sample
guest_config fata "$tmp/fata.xen" "extra = \"$ms\"" "$disk"
start_linux "$tmp/script"
run linux
start_fata
run fata

awk '
{ value[$1, $2] = $4 }
$1 == "fata" { order[++names] = $2; unit[$2] = $3 }
END {
  for (i = 1; i <= names; i++) {
    peer = order[i]
    sub("-copied", "", peer)
    row = order[i] "|" unit[order[i]] "|" (peer ~ /^cpu/ ? "less" : "more")
    print "fata|" row "|" value["fata", order[i]]
    print "linux|" row "|" value["linux", peer]
  }
}' "$tmp/figures" | bench_table block
