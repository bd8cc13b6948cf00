#!/bin/bash
# SPDX-License-Identifier: ISC
#
# net.sh - the network beside Linux: the same server (bench/net/server.c) as a
# Fata guest and as a program in Debian's Linux as a PVH guest, both with one
# vCPU and the same memory, on one bridge, measured from dom0 in turn.
#
# Interface: net.sh BUILD [wall], from the root of the sources. Prints a table
# and writes BUILD/bench/net.json. The lab counts instructions, so figures do
# not depend on what else the machine does; with `wall` it is an ordinary one.
# ROUNDS (1): each figure is the median of so many. MEGABYTES (40): a transfer.
# Exit: 0, or 1 after one line on stderr.

set -euo pipefail

build=$(cd "${1:?usage: net.sh BUILD [wall]}" && pwd)
mode=--counted
[ "${2:-}" != wall ] || mode=
rounds=${ROUNDS:-1} megabytes=${MEGABYTES:-40}
export FATA=$build/fata FATA_LAB_DIR=${FATA_LAB_DIR:-$build/lab}
export FATA_LAB_RUN=$build/bench/net.lab
musl=$build/pkg/dev/usr
out=$build/bench/net

die()
{
  echo "bench/net: $*" >&2
  exit 1
}

# A static Linux program of one source, with the same musl as the images.
linux_program()
{
  local gcc_headers
  gcc_headers=$(gcc -print-file-name=include)
  gcc -O2 -g -static -no-pie -nostdinc -nostdlib -D_GNU_SOURCE \
    -isystem "$musl/include/x86_64-linux-musl" -isystem "$gcc_headers" \
    "$musl/lib/x86_64-linux-musl/"crt{1,i}.o "$1" \
    "$musl/lib/x86_64-linux-musl/libc.a" \
    "$(gcc -print-libgcc-file-name)" \
    "$musl/lib/x86_64-linux-musl/crtn.o" -o "$2"
}

finish()
{
  trap - EXIT
  timeout 60 "$FATA" lab down >/dev/null 2>&1 || true
}

mkdir -p "$out"
"$FATA" cc -O2 -g bench/net/server.c -o "$out/server.xen"
linux_program bench/net/server.c "$out/server"
linux_program bench/net/client.c "$out/client"
printf '#!/bin/sh\nexec ./server\n' >"$out/script"

trap finish EXIT
trap 'exit 1' HUP INT TERM
# shellcheck disable=SC2086 # no word, or one
timeout 600 "$FATA" lab up $mode >/dev/null || die "no lab"
"$FATA" lab put "$out/server.xen" /tmp/server.xen
"$FATA" lab put "$out/client" /tmp/client
cat >"$out/fata.cfg" <<END
name = "fata"
type = "pvh"
kernel = "/tmp/server.xen"
memory = 192
tsc_mode = "native"
vif = ["bridge=xenbr0"]
extra = "--ip 10.0.2.20/24"
END
"$FATA" lab put "$out/fata.cfg" /tmp/fata.cfg
# Linux first: dom0 gets its large files while nothing else runs.
timeout 300 lab/linux-guest.sh -a 10.0.2.21/24 -f "$out/server" \
  -s "$out/script" linux 'vif = ["bridge=xenbr0"]' || die "no Linux guest"
timeout 60 "$FATA" lab exec 'xl create -q /tmp/fata.cfg' </dev/null ||
  die "xl cannot start the Fata guest"

# Everything that is measured is one command, so that a counted lab goes on.
timeout 1200 "$FATA" lab exec "chmod +x /tmp/client
  for g in fata linux; do
    tries=0
    until grep -q READY /var/log/xen/console/guest-\$g.log; do
      tries=\$((tries + 1))
      [ \$tries -lt 600 ] || { echo \"\$g does not start\" >&2; exit 1; }
      usleep 100000
    done
  done
  ping -c 2 -q 10.0.2.20 >/dev/null && ping -c 2 -q 10.0.2.21 >/dev/null ||
    { echo 'no ping' >&2; exit 1; }
  cpu() { xl list \$1 | awk 'NR == 2 { print \$6 }'; }
  for round in \$(seq $rounds); do
    for g in fata:10.0.2.20 linux:10.0.2.21; do
      before=\$(cpu \${g%:*}) dom0=\$(cpu Domain-0)
      timeout 200 /tmp/client \${g#*:} $megabytes >/tmp/figures ||
        { cat /tmp/figures >&2; exit 1; }
      sed \"s/^/\${g%:*} /\" /tmp/figures
      echo \${g%:*} cpu-guest s \$before \$(cpu \${g%:*})
      echo \${g%:*} cpu-dom0 s \$dom0 \$(cpu Domain-0)
    done
  done" </dev/null >"$out/figures" || die "the measurement failed"

awk -v rounds="$rounds" '
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
  printf "{\"bench\": \"net\", \"rows\": [\n"
  for (i = 1; i <= names; i++) {
    n = order[i]
    printf "  {\"name\": \"%s\", \"unit\": \"%s\", \"better\": \"%s\", ", n,
      unit[n], better(n, unit[n])
    printf "\"fata\": %s, \"peer\": %s, \"peer_name\": \"Linux\"}%s\n",
      median(all["fata", n]), median(all["linux", n]), i < names ? "," : ""
  }
  printf "]}\n"
}' "$out/figures" >"$build/bench/net.json.new"
mv "$build/bench/net.json.new" "$build/bench/net.json"

sed -n 's/.*"name": "\([^"]*\)", "unit": "\([^"]*\)", "better": "\([^"]*\)", "fata": \([0-9.]*\), "peer": \([0-9.]*\).*/\1 \4 \5 \2 \3/p' \
  "$build/bench/net.json" | awk '
  BEGIN { printf "%-24s %10s %10s %-10s %s\n", "", "Fata", "Linux", "", "better" }
  { printf "%-24s %10s %10s %-10s %s\n", $1, $2, $3, $4, $5 }'
