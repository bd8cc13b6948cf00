# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# lab.sh - what the benchmarks with guests share: a lab of their own, counted
# unless BENCH_MODE is wall, and one table from what both guests said.
#
# Interface: to be sourced with $build set, from the root of the sources.
#   $build, $fata        made absolute;  $tmp  a folder, removed at the end
#   die WORD...          one line on stderr, exit status 1
#   bench_lab            a lab
#   bench_put FILE PATH  a file into dom0
#   musl_program OUT C.. a static program for Linux, with the same libc as ours
#   guest_config NAME IMAGE [LINE...]   puts an image and its configuration
#   bench_servers [FILE] both guests as servers, and their client in dom0
#   bench_measure SECONDS READY COMMANDS   both, by commands in dom0
#   bench_sampler        bench/sample.c into dom0, as /tmp/sample
#   $tmp/exits           for dom0's shell: how often a guest is left for Xen
#   $samples_awk         a function for awk: at(t, column), from its output
#   bench_medians FILE   from guests' own lines to those of bench_table
#   bench_table NAME     from lines on stdin
#                          WHO|ROW|UNIT|less or more|VALUE
#                        with WHO fata or linux: JSON and a table, with how
#                        many times better Fata is

set -euo pipefail

build=$(cd "$build" && pwd)
fata=$build/fata
tmp=$(mktemp -d)
export FATA_LAB_RUN=$tmp/run FATA=$fata FATA_LAB_DIR=${FATA_LAB_DIR:-$build/lab}
trap 'timeout 60 "$fata" lab down >/dev/null 2>&1; rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

die()
{
  echo "bench/$(basename "$0" .sh): $*" >&2
  exit 1
}

bench_lab()
{
  local how=()

  [ "${BENCH_MODE:-counted}" != counted ] || how=(--counted)
  timeout 900 "$fata" lab up "${how[@]}" || die "no lab"
}

bench_put()
{
  "$fata" lab put "$1" "$2" || die "cannot put $1"
}

# The kernel's headers, which musl has none of, are the host's.
musl_program()
{
  local out=$1 root=$build/pkg/dev/usr gcc=${CC:-gcc}
  local lib=$root/lib/x86_64-linux-musl

  shift
  "$gcc" -std=gnu11 -O2 -g -Wall -Wextra -D_GNU_SOURCE= -fno-pic -no-pie -static \
    -nostdinc -isystem "$root/include/x86_64-linux-musl" \
    -isystem "$("$gcc" -print-file-name=include)" -nostdlib \
    -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu \
    "$lib/crt1.o" "$lib/crti.o" "$@" "$lib/libc.a" \
    "$("$gcc" -print-libgcc-file-name)" "$lib/crtn.o" -o "$out"
}

guest_config()
{
  local name=$1 image=$2

  shift 2
  bench_put "$image" "/tmp/$name.xen"
  {
    echo "name = \"$name\""
    echo 'type = "pvh"'
    echo "kernel = \"/tmp/$name.xen\""
    echo 'memory = 192' # as linux-guest.sh
    echo 'vcpus = 1'
    echo 'tsc_mode = "native"'
    echo 'on_crash = "destroy"'
    printf '%s\n' "$@"
  } >"$tmp/$name.cfg"
  bench_put "$tmp/$name.cfg" "/tmp/$name.cfg"
}

# Starts 10.0.2.20, a Fata guest with $tmp/server.xen, and 10.0.2.21, Linux with
# $tmp/server and $tmp/script to run it, on one bridge; $tmp/client comes into
# dom0's /tmp. FILE is Linux's too, and Fata's ramdisk.
bench_servers()
{
  local vif='vif = ["bridge=xenbr0"]' lines=() files=()

  if [ $# -gt 0 ]; then
    bench_put "$1" "/tmp/$(basename "$1")"
    lines=("ramdisk = \"/tmp/$(basename "$1")\"") files=(-f "$1")
  fi
  guest_config fata "$tmp/server.xen" "$vif" 'extra = "--ip 10.0.2.20/24"' \
    "${lines[@]}"
  bench_put "$tmp/client" /tmp/client
  # Linux first: dom0 gets its large files while nothing else runs.
  timeout 300 lab/linux-guest.sh -a 10.0.2.21/24 -f "$tmp/server" \
    "${files[@]}" -s "$tmp/script" linux "$vif" || die "no Linux guest"
  timeout 60 "$fata" lab exec 'xl create -q /tmp/fata.cfg' </dev/null ||
    die "xl cannot start the Fata guest"
}

# When the consoles of both servers have said READY (a pattern) and both answer
# a ping, COMMANDS of dom0's shell measure them; their output is $tmp/figures.
# They have `cpu DOMAIN`: the seconds that it has run so far. All is one command,
# so that a counted lab goes on.
bench_measure()
{
  timeout "$1" "$fata" lab exec "chmod +x /tmp/client
  for g in fata linux; do
    tries=0
    until grep -q '$2' /var/log/xen/console/guest-\$g.log; do
      tries=\$((tries + 1))
      [ \$tries -lt 600 ] || { echo \"\$g does not start\" >&2; exit 1; }
      usleep 100000
    done
  done
  ping -c 2 -q 10.0.2.20 >/dev/null && ping -c 2 -q 10.0.2.21 >/dev/null ||
    { echo 'no ping' >&2; exit 1; }
  cpu() { xl list \$1 | awk 'NR == 2 { print \$6 }'; }
  $3" </dev/null >"$tmp/figures" || die "the measurement failed"
}

bench_sampler()
{
  local xen=$build/pkg/dev/usr

  gcc -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -isystem "$xen/include" \
    -static bench/sample.c -o "$tmp/sample" -L"$xen/lib/x86_64-linux-gnu" \
    -lxenctrl -lxencall -lxenforeignmemory -lxendevicemodel -lxenevtchn \
    -lxengnttab -lxenhypfs -lxenstore -lxentoolcore -lxentoollog -lpthread -lz
  bench_put "$tmp/sample" /tmp/sample
}

# Of awk's first file; column 2: dom0's CPU time, 3: the guest's, 4: the probes.
# shellcheck disable=SC2034,SC2016 # for awk, in other files
samples_awk='
  function at(t, column,   i, part) {
    i = 2
    while (i < n && time[i] < t)
      i++
    part = (t - time[i - 1]) / (time[i] - time[i - 1])
    return value[i - 1, column] * (1 - part) + value[i, column] * part
  }
  NR == FNR {
    time[++n] = $1
    for (i = 2; i <= 4; i++)
      value[n, i] = $i
    next
  }'

# For dom0's shell, by Xen's trace (0x81000: exits and entries, 0x21000: who
# runs): how often a guest is left for Xen, and the hypercalls among that, while
# a command runs, whose output is /tmp/alone; NUMBER units are in the case.
#   exits GUEST CASE UNIT NUMBER COMMAND...
cat >"$tmp/exits" <<'EOF'
exits()
{
  id=$(xl domid $1) who="$1 $2" unit=$3 number=$4 mode=
  shift 4
  ! grep -q AuthenticAMD /proc/cpuinfo || mode=--svm-mode
  xentrace -D -S 1024 -s 10 -e 0x000a1000 /tmp/trace >/dev/null 2>&1 &
  pid=$!
  usleep 100000
  "$@" >/tmp/alone || return
  kill -INT $pid
  wait $pid
  xenalyze $mode --summary /tmp/trace 2>/dev/null |
    awk -v id=$id -v who="$who" -v unit=$unit -v n=$number '
    /^\|-- Domain/ { here = $3 == id; list = 0 }
    /^Exit reasons/ { list = here; next }
    /^[^ ]/ { list = 0 }
    list && /^ [A-Z]/ { all += $2; if (/VMM?CALL/) calls += $2 }
    END {
      printf "%s-exits per-%s %.2f\n", who, unit, all / n
      printf "%s-hypercalls per-%s %.2f\n", who, unit, calls / n
    }'
  rm -f /tmp/trace
}
EOF

# What runs in dom0. It must not cost what a guest could have, nor count as
# dom0's own work, while a guest measures: so it sleeps until xenstore tells.
#   await_end NAME SECONDS        until the guest's end, or it is destroyed
#   life NAME SECONDS [PATTERN]   a guest's whole life, its console on stdout;
#                                 then "took T0 T1", from xl's start to the
#                                 first line that matches, if one is asked for
cat >"$tmp/life" <<'EOF'
await_end()
{
  end=$(($(date +%s) + $2))
  # the first event is the watch itself, the second some domain's end
  timeout $2 xenstore-watch -n 2 @releaseDomain >/dev/null 2>&1 &
  ended=$!
  usleep 100000
  if [ "$3" ]; then "$3"; fi
  xl domid $1 >/dev/null 2>&1 && wait $ended
  while xl domid $1 >/dev/null 2>&1; do
    sleep 1
    [ $(date +%s) -lt $end ] || xl destroy $1
  done
  usleep 100000
}
life()
{
  log=/var/log/xen/console/guest-$1.log name=$1 pattern=$3 t1=
  rm -f $log
  t0=$(cut -d' ' -f1 /proc/uptime)
  xl create -q -p /tmp/$1.cfg 2>/dev/null || return 1
  tries=0
  until [ -e $log ]; do
    usleep 2000
    tries=$((tries + 1))
    [ $tries -lt 1000 ] || return 1
  done
  await_end $1 $2 begin
  tr -d '\r' <$log
  echo "took $t0 $t1"
}
# of a life: looks finely for the first line if that is asked for
begin()
{
  xl unpause $name
  [ "$pattern" ] || return
  tries=0
  until grep -q "$pattern" $log; do
    usleep 2000
    tries=$((tries + 1))
    [ $((tries % 100)) = 0 ] || continue
    xl domid $name >/dev/null 2>&1 || break
    [ $(date +%s) -lt $end ] || break
  done
  t1=$(cut -d' ' -f1 /proc/uptime)
}
EOF

# bench_medians FILE: its lines "WHO ROW UNIT VALUE", or "... BEFORE AFTER", as
# bench_table wants them; of several the middle one. Rates (/s) are better high.
bench_medians()
{
  awk '
  function better(name, unit) { return unit ~ /\/s$/ ? "more" : "less" }
  # the middle one of the figures in `text`
  function median(text,   v, n, i, j, t) {
    n = split(text, v, " ")
    for (i = 2; i <= n; i++)
      for (j = i; j > 1 && v[j] + 0 < v[j - 1] + 0; j--) {
        t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
      }
    return v[int((n + 1) / 2)]
  }
  {
    value = NF == 5 ? $5 - $4 : $4
    if (!($2 in unit)) order[++names] = $2
    unit[$2] = $3
    all[$1, $2] = all[$1, $2] " " value
  }
  END {
    for (i = 1; i <= names; i++)
      for (who = 0; who < 2; who++)
        if ((who ? "linux" : "fata", order[i]) in all)
          printf "%s|%s|%s|%s|%s\n", who ? "linux" : "fata", order[i],
            unit[order[i]], better(order[i], unit[order[i]]),
            median(all[who ? "linux" : "fata", order[i]])
  }' "$1"
}

bench_table()
{
  awk -F'|' -v name="$1" -v json="$build/bench/$1.json.new" '
  NF == 5 {
    if (!(($2, "unit") in row)) {
      order[n++] = $2
      row[$2, "unit"] = $3
      row[$2, "better"] = $4
    }
    row[$2, $1] = $5
  }
  END {
    printf "%-40s %12s %12s %-6s\n", name, "fata", "linux", "unit"
    printf "{\"bench\": \"%s\", \"rows\": [", name > json
    for (i = 0; i < n; i++) {
      r = order[i]
      if (!((r, "fata") in row))
        continue
      printf "%s\n\t{\"name\": \"%s\", \"unit\": \"%s\", \"better\": \"%s\", " \
        "\"fata\": %s", some++ ? "," : "", r, row[r, "unit"], row[r, "better"],
        row[r, "fata"] > json
      ratio = ""
      if ((r, "linux") in row) {
        printf ", \"peer\": %s, \"peer_name\": \"Linux 6.1 guest\"",
          row[r, "linux"] > json
        gain = row[r, "linux"]
        base = row[r, "fata"]
        if (row[r, "better"] == "more") {
          gain = row[r, "fata"]
          base = row[r, "linux"]
        }
        if (base > 0)
          ratio = sprintf("x%.2f", gain / base)
      }
      printf "}" > json
      printf "%-40s %12s %12s %-6s %s\n", r, row[r, "fata"], row[r, "linux"],
        row[r, "unit"], ratio
    }
    print "\n]}" > json
  }'
  mv "$build/bench/$1.json.new" "$build/bench/$1.json"
}
