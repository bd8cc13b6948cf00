#!/bin/bash
# SPDX-License-Identifier: ISC
#
# http.sh - a web server beside Linux: examples/http as a Fata guest, and the
# same source as a program in Debian's Linux as a PVH guest, which has the files
# in memory, too. Both with one vCPU and the same memory, on one bridge, loaded
# from dom0 in turn: with keep-alive and a connection for each request, 1, 16
# and 64 connections at the same time, a small file and one of 100 KB.
#
# Interface: http.sh BUILD, from the root of the sources; see bench/lab.sh.
# ROUNDS (1): each figure is the median of so many. REQUESTS (1600): of each
# kind; a tenth of it for the large file.
build=${1:?usage: http.sh BUILD}
# shellcheck source=bench/lab.sh
. bench/lab.sh
rounds=${ROUNDS:-1} requests=${REQUESTS:-1600}

"$fata" cc -O2 -g examples/http/main.c -o "$tmp/server.xen"
musl_program "$tmp/server" -Iinclude -include bench/http/linux.h \
  examples/http/main.c
musl_program "$tmp/client" bench/http/client.c
mkdir "$tmp/www"
echo '<!doctype html><title>A page</title><p>It is small.' \
  >"$tmp/www/index.html"
head -c 102400 /dev/zero >"$tmp/www/large"
tar -C "$tmp/www" -cf "$tmp/www.tar" index.html large
cat >"$tmp/script" <<'SCRIPT'
#!/bin/sh
mkdir /www && tar -C /www -xf www.tar
exec ./server
SCRIPT

bench_lab
bench_servers "$tmp/www.tar"
bench_measure 3000 '^http: port' "
  load() { # PATH SIZE CONNECTIONS REQUESTS keep|close NAME
    timeout 200 /tmp/client \$address \$* >/tmp/figures ||
      { echo \$g \$* >&2; cat /tmp/figures >&2; exit 1; }
    sed \"s/^/\$g /\" /tmp/figures
  }
  for round in \$(seq $rounds); do
    for g in fata:10.0.2.20 linux:10.0.2.21; do
      address=\${g#*:} g=\${g%:*}
      before=\$(cpu \$g)
      for how in keep close; do
        for n in 1 16 64; do
          load / $(stat -c %s "$tmp/www/index.html") \$n $requests \$how \\
            small-\$how-\$n
          load /large 102400 \$n $((requests / 10)) \$how large-\$how-\$n
        done
      done
      echo \$g cpu-guest s \$before \$(cpu \$g)
    done
  done"
bench_medians "$tmp/figures" | bench_table http
