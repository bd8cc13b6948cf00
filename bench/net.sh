#!/bin/bash
# SPDX-License-Identifier: ISC
#
# net.sh - the network beside Linux: the same server (bench/net/server.c) as a
# Fata guest and as a program in Debian's Linux as a PVH guest, both with one
# vCPU and the same memory, on one bridge, measured from dom0 in turn.
#
# Besides, by Xen's trace: how often each guest is left for Xen (exits, and the
# hypercalls among them) in a run of each case; and how often Fata copies a byte
# (metric ip.copied; Linux does not count that).
#
# Interface: net.sh BUILD, from the root of the sources; see bench/lab.sh.
# ROUNDS (1): each figure is the median of so many. MEGABYTES (40): a transfer.
build=${1:?usage: net.sh BUILD}
# shellcheck source=bench/lab.sh
. bench/lab.sh
rounds=${ROUNDS:-1} megabytes=${MEGABYTES:-40}

"$fata" cc -O2 -g bench/net/server.c -o "$tmp/server.xen"
musl_program "$tmp/server" bench/net/server.c
musl_program "$tmp/client" bench/net/client.c
printf '#!/bin/sh\nexec ./server\n' >"$tmp/script"

# In dom0: exits GUEST ADDRESS CASE MEGABYTES UNIT NUMBER: that many units are in
# the case. 0x81000: exits and entries, 0x21000: who runs.
cat >"$tmp/exits" <<'EOF'
exits()
{
  id=$(xl domid $1)
  mode=
  ! grep -q AuthenticAMD /proc/cpuinfo || mode=--svm-mode
  xentrace -D -S 1024 -s 10 -e 0x000a1000 /tmp/trace >/dev/null 2>&1 &
  pid=$!
  usleep 100000
  timeout 200 /tmp/client $2 $4 $3 >/tmp/alone || return
  kill -INT $pid
  wait $pid
  case $3 in
  *echo*) ;; # of small packets nearly all is headers
  *) grep -e -copies /tmp/alone | sed "s/^/$1 /" ;;
  esac
  xenalyze $mode --summary /tmp/trace 2>/dev/null |
    awk -v id=$id -v who="$1 $3" -v unit=$5 -v n=$6 '
    /^\|-- Domain/ { here = $3 == id; list = 0 }
    /^Exit reasons/ { list = here; next }
    /^[^ ]/ { list = 0 }
    list && /^ [A-Z]/ { all += $2; if (/VMM?CALL/) calls += $2 }
    END {
      printf "%s-exits %s %.2f\n", who, unit, all / n
      printf "%s-hypercalls %s %.2f\n", who, unit, calls / n
    }'
  rm -f /tmp/trace
}
EOF

bench_lab
bench_put "$tmp/exits" /tmp/exits
bench_servers
bench_measure 1200 READY "
  for round in \$(seq $rounds); do
    for g in fata:10.0.2.20 linux:10.0.2.21; do
      before=\$(cpu \${g%:*}) dom0=\$(cpu Domain-0)
      timeout 200 /tmp/client \${g#*:} $megabytes >/tmp/figures ||
        { cat /tmp/figures >&2; exit 1; }
      sed \"s/^/\${g%:*} /\" /tmp/figures
      echo \${g%:*} cpu-guest s \$before \$(cpu \${g%:*})
      echo \${g%:*} cpu-dom0 s \$dom0 \$(cpu Domain-0)
    done
  done
  . /tmp/exits
  for g in fata:10.0.2.20 linux:10.0.2.21; do
    for c in tcp-in:per-MiB:$megabytes tcp-out:per-MiB:$megabytes \
      tcp-in-1k:per-MiB:$((megabytes / 10)) tcp-echo-1:per-trip:400 \
      udp-echo-16:per-trip:400 udp-18:per-1000:20 udp-1400:per-1000:20; do
      set -- \$(echo \$c | tr : ' ')
      exits \${g%:*} \${g#*:} \$1 $megabytes \$2 \$3 || exit 1
    done
  done"
bench_medians "$tmp/figures" | bench_table net
