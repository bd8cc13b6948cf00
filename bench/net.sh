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
    for c in tcp-in:MiB:$megabytes tcp-out:MiB:$megabytes \
      tcp-in-1k:MiB:$((megabytes / 10)) tcp-echo-1:trip:400 \
      udp-echo-16:trip:400 udp-18:1000:20 udp-1400:1000:20; do
      set -- \$(echo \$c | tr : ' ')
      exits \${g%:*} \$* timeout 200 /tmp/client \${g#*:} $megabytes \$1 ||
        exit 1
      case \$1 in
      *echo*) ;; # of small packets nearly all is headers
      *) grep -e -copies /tmp/alone | sed \"s/^/\${g%:*} /\" ;;
      esac
    done
  done"
bench_medians "$tmp/figures" | bench_table net
