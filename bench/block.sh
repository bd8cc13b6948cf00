#!/bin/bash
# SPDX-License-Identifier: ISC
#
# block.sh - a disk beside Linux: the same requests by a Fata guest and in
# Debian's Linux as a PVH guest (O_DIRECT), both with one vCPU, on the same disk
# in dom0's memory, in turn. In Linux by fio with io_uring, and by a program of
# ours with less to do for each request: Linux's figure is the better of both.
#
# Interface: block.sh BUILD, from the root of the sources; see bench/lab.sh.
# MILLISECONDS (100): how long each row is measured.
#   read-4K-x16       at random, 16 under way
#   ...-copied        with memory of any kind; Linux has one kind only
#   cpu-guest-...     CPU time of the guest for each request
#   cpu-dom0-...      of dom0
#   grants-...        pages that dom0 maps and unmaps for 1000 requests
#   ...-fio           beside fio's figure alone
# BLKBACK: parameters of dom0's driver (feature_persistent=N).
build=${1:?usage: block.sh BUILD}
# shellcheck source=bench/lab.sh
. bench/lab.sh
ms=${MILLISECONDS:-100}

"$fata" cc -O2 -g bench/block/fata.c -o "$tmp/fata.xen"
musl_program "$tmp/linux" bench/block/linux.c
"$tmp/linux" jobs "$ms" >"$tmp/jobs"
# of each job: its begin and end, kB, kB/s and requests/s
cat >"$tmp/script" <<END
#!/bin/sh
./linux /dev/xvda $ms
./fio --output-format=terse --terse-version=3 --output=terse jobs
echo # fio leaves half a line
awk -F ';' '\$1 == 3 {
  getline begin <(\$3 ".prerun.txt")
  getline end <(\$3 ".postrun.txt")
  print "fio", \$3, begin, end, \$6 + \$47, \$7 + \$48, \$8 + \$49
}' terse
echo bench: done
END
fio=$build/bench/fio
if [ ! -x "$fio/fio" ]; then
  scripts/src.sh "$build/src/fio" fio
  mkdir -p "$fio"
  source=$(cd "$build/src/fio" && pwd)
  disable=(numa rdma rados rbd gfapi http pmem lex shm optimizations native)
  (cd "$fio" && "$source/configure" --build-static \
    "${disable[@]/#/--disable-}" && make -j2 fio) >"$fio/log" 2>&1 ||
    die "fio does not build: see $fio/log"
fi

bench_lab
disk='disk = ["format=raw, vdev=xvda, access=rw, target=/dev/ram0"]'
# shellcheck disable=SC2016 # for dom0
timeout 60 "$fata" lab exec 'modprobe brd rd_nr=1 rd_size=65536 &&
  modprobe xen-blkback '"${BLKBACK:-}"' &&
  { [ -e /sys/kernel/tracing/events ] ||
    mount -t tracefs tracefs /sys/kernel/tracing; } &&
  cd /sys/kernel/tracing && for i in map unmap; do
    echo p:grants/$i gnttab_${i}_refs count=%cx:u32 >>kprobe_events
    echo hist:keys=count >events/grants/$i/trigger
  done &&
  dd if=/dev/zero of=/dev/ram0 bs=1M count=64' </dev/null 2>/dev/null ||
  die "no disk in memory"

# One guest after the other; each wait is one command, so that a counted lab
# goes on.
# measure WHO COMMAND: its console, with COMMAND running in dom0 meanwhile
measure()
{
  {
    cat "$tmp/life"
    echo "$2 & sampling=\$!
      await_end $1 600; sleep 1; kill \$sampling 2>/dev/null; wait
      tr -d '\r' </var/log/xen/console/guest-$1.log"
  } >"$tmp/measure"
  timeout 1500 "$fata" lab exec "$(cat "$tmp/measure")" </dev/null \
    >"$tmp/$1.log" || die "the guest $1 does not end"
  grep -q '^bench: done' "$tmp/$1.log" || die "$1: $(tail -1 "$tmp/$1.log")"
}

start_linux() # SCRIPT
{
  local _
  for _ in 1 2 3; do
    timeout 600 lab/linux-guest.sh -f "$tmp/linux" -f "$fio/fio" \
      -f "$tmp/jobs" -s "$1" linux "$disk" &&
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
  awk -v who="$1" "$samples_awk"'
    function size(name) {
      return name ~ /-4K-/ ? 4096 : name ~ /-64K-/ ? 65536 : 524288
    }
    function each(column, begin, end, n) {
      return (at(end, column) - at(begin, column)) / n
    }
    function row(who, name, n, begin, end) {
      printf "%s cpu-guest-%s ns %d\n", who, name, each(3, begin, end, n)
      printf "%s cpu-dom0-%s ns %d\n", who, name, each(2, begin, end, n)
      printf "%s grants-%s /1000 %d\n", who, name,
        1000 * each(4, begin, end, n)
    }
    $1 == "row" && $5 { row(who, $2, $5, $6, $7) }
    $1 == "fio" { row("fio", $2, $5 * 1024 / size($2), $3, $4)
    }' "$tmp/$1.samples" "$tmp/$1.log"
}

run() # WHO
{
  measure "$1" "/tmp/sample \$(xl domid $1) grants/map grants/unmap >/tmp/samples"
  timeout 60 "$fata" lab get /tmp/samples "$tmp/$1.samples" ||
    timeout 60 "$fata" lab get /tmp/samples "$tmp/$1.samples"
  awk -v who="$1" '
    $1 == "row" { print who, $2, $3, $4 }
    $1 == "fio" && $2 ~ /-4K-/ { print "fio", $2, "1/s", $7 }
    $1 == "fio" && $2 !~ /-4K-/ { print "fio", $2, "MiB/s", int($6 / 1024) }' \
    "$tmp/$1.log" >>"$tmp/figures"
  cpu "$1" >>"$tmp/figures"
}

: >"$tmp/figures"
bench_sampler
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
    less = peer ~ /^(cpu|grants)/
    own = value["linux", peer]
    fio = value["fio", peer]
    row = "|" unit[order[i]] "|" (less ? "less" : "more") "|"
    print "fata|" order[i] row value["fata", order[i]]
    print "linux|" order[i] row ((less ? fio < own : fio > own) ? fio : own)
    if (less)
      continue
    print "fata|" order[i] "-fio" row value["fata", order[i]]
    print "linux|" order[i] "-fio" row fio
  }
}' "$tmp/figures" | bench_table block
