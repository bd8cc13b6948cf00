#!/bin/bash
# SPDX-License-Identifier: ISC
#
# boot.sh - what a guest costs before it does anything: time from its first
# instruction to main, from `xl create` to its first line, size, least memory;
# beside Debian's Linux with busybox (whose main is the first process's script).
#
# Interface: boot.sh BUILD, from the root of the sources; see bench/lab.sh.
build=${1:?usage: boot.sh BUILD}
# shellcheck source=bench/lab.sh
. bench/lab.sh

bench_lab
"$fata" cc -O2 -Wall -Wextra bench/guest/first.c -o "$tmp/first.xen"
cp "$tmp/first.xen" "$tmp/stripped"
strip "$tmp/stripped"
guest_config first "$tmp/first.xen" 'memory = 64'
# the script's own start, by the kernel's clock, which begins with the kernel
cat >"$tmp/script" <<'EOF'
#!/bin/sh
echo "first line after $(cut -d' ' -f1 /proc/uptime)"
EOF
lab/linux-guest.sh -n -s "$tmp/script" linux

run() # NAME [SECONDS]
{
  {
    cat "$tmp/life"
    echo "life $1 ${2:-100} '^first line'"
  } >"$tmp/$1.sh"
  timeout 900 "$fata" lab exec "$(cat "$tmp/$1.sh")" </dev/null
}

# least NAME MIB...: the first that is enough
least()
{
  local name=$1 m

  shift
  for m; do
    "$fata" lab exec "sed -i '/^memory/d' /tmp/$name.cfg
      echo 'memory = $m' >>/tmp/$name.cfg" </dev/null
    run "$name" 60 >"$tmp/least"
    if grep -q '^first line' "$tmp/least"; then
      echo "$m"
      return
    fi
  done
  echo 0
}

row() # WHO OUTPUT LEAST SIZE
{
  awk -v who="$1" -v least="$3" -v size="$4" '
  /^first line after/ { entry = $4 * 1000 }
  /^took/ { took = ($3 - $2) * 1000 }
  END {
    printf "%s|entry to main|ms|less|%.2f\n", who, entry
    printf "%s|xl create to first line|ms|less|%.0f\n", who, took
    printf "%s|least memory|MiB|less|%d\n", who, least
    printf "%s|what is loaded|kB|less|%d\n", who, size / 1000
  }' "$2"
}

run first >/dev/null # the first domain after a start is slower to build
run first >"$tmp/first.out"
run linux >"$tmp/linux.out"
lab=${FATA_LAB_DIR:-$build/lab}
linux_size=$(($(stat -c %s "$lab/vmlinux") + $(stat -c %s "$lab/guest.img")))
{
  row fata "$tmp/first.out" "$(least first 1 2 4 8 16)" \
    "$(stat -c %s "$tmp/stripped")"
  row linux "$tmp/linux.out" "$(least linux 32 48 64 80 96 112 128 160 192)" \
    "$linux_size"
} | bench_table boot
