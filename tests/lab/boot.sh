#!/bin/bash
# SPDX-License-Identifier: ISC
#
# boot.sh - what xl can start a guest with: little memory, modules, long command
# lines, more processors than are used, lesser ones, the variants of time and
# paging; and what an image does where there is no Xen.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab
test_guest

# ends STATUS NAME [LINE...]: such a guest ends with this status.
ends()
{
  local status=$1 name=$2

  shift 2
  guest "$name" "$image" "$@"
  wait_end 60
  output=$(console "$domain")
  expect_match "$name" "$output" "fata: exit status $status\$"
  if [ "$status" = 0 ]; then
    expect "how $name ended" "$(end_reason)" 0
  fi
  destroy "$domain"
  note "$name"
}

# --- memory ----------------------------------------------------------------

for m in 1 2 3 8; do
  ends 0 "memory$m" "memory = $m" 'extra = "memory"'
  kib=$(sed -n 's/^\([0-9]*\) KiB of memory.*/\1/p' <<<"$output")
  [ "${kib:-0}" -gt $((m * 1024 - 256)) ] ||
    fail "of $m MiB the guest saw $kib KiB"
done
guest hello "$B/examples/hello.xen" 'memory = 1'
wait_end 30
expect_match "hello in 1 MiB" "$(console "$domain")" 'Hello, world'
expect "its end" "$(end_reason)" 0
destroy "$domain"

# --- processors, paging, Viridian ------------------------------------------

ends 0 vcpus 'vcpus = 2' 'extra = "clock"'
ends 0 vcpus-offline 'vcpus = 1' 'maxvcpus = 4' 'extra = "clock"'
ends 0 viridian 'viridian = 1' 'extra = "clock"'
# A Xen may be built without shadow page tables, as Debian's is.
if dom0 'xl info' | grep -q '^virt_caps.* shadow'; then
  ends 0 shadow 'hap = 0' 'extra = "memory"'
else
  note "hap=0: this Xen has no shadow page tables"
fi

# --- lesser processors: fault class 54 --------------------------------------

# xl takes away what a CPU need not have; what is there is switched on.
ends 0 cpu 'extra = "cpu"'
note "$(grep '^xsave' <<<"$output")"
none=rdrand=0,rdseed=0,fsgsbase=0,smep=0,smap=0,umip=0,xsave=0,avx=0
seen=
for name in class_54-none-1 class_54-none-2; do
  ends 0 $name 'extra = "cpu"' "cpuid = \"host,$none\""
  expect_match "$name" "$output" \
    '^xsave 0 fsgsbase 0 smep 0 smap 0 umip 0 rdrand 0 rdseed 0$'
  expect_match "$name: its randomness" "$output" 'no RDSEED or RDRAND'
  expect_match "$name: floating point" "$output" '^1/3 0.33333333333333331$'
  random=$(grep '^random' <<<"$output")
  for word in $random; do
    [ "$word" = random ] || ! grep -q "$word" <<<"$seen" ||
      fail "two guests without a generator have the number $word"
  done
  seen+=$random
done
ends 0 class_54-invtsc 'extra = "clock"' 'cpuid = "host,invtsc=0,rdrand=0"'
ends 0 class_54-page1gb 'extra = "memory"' 'cpuid = "host,page1gb=0"'
# what cannot be done without says so
guest class_54-nx "$image" 'cpuid = "host,nx=0"'
wait_end 60
expect_match "no NX" "$(console "$domain")" \
  'fata: panic: this CPU offers no NX'
destroy "$domain"

# --- time -----------------------------------------------------------------------

# All that there are: Xen 4.17 has no native_paravirt any more.
for mode in default always_emulate native; do
  ends 0 "tsc-$mode" "tsc_mode = \"$mode\"" 'extra = "clock"'
  note "$mode: $(grep 'ns a reading' <<<"$output")"
done

# --- modules ---------------------------------------------------------------------

{ seq 1 200000; echo last; } >"$tmp/module"
"$fata" lab put "$tmp/module" /tmp/module || broken "cannot put the module"
sum=$(od -An -v -tu1 -w1 "$tmp/module" |
  awk '{ s = (s * 31 + $1) % 4294967296 } END { printf "%d\n", s }')
ends 1 module 'ramdisk = "/tmp/module"' 'extra = "modules"'
expect_match "the module" "$output" \
  "^module 0: $(stat -c %s "$tmp/module") bytes, sum $sum,"
ends 0 no-module 'extra = "modules"'

# --- the command line -------------------------------------------------------------

# 10 bytes a word: 65 kB, just below the limit of 64 KiB; then above it.
long=$(printf 'word=%04d ' $(seq 1 6500))
ends 0 long "extra = \"words $long\""
expect_match "a long command line" "$output" \
  '^6501 words, 65006 bytes, command line 65006$'
long=$long$(printf 'more=%04d ' $(seq 1 100))
guest too-long "$image" "extra = \"words $long\""
wait_end 30
expect_match "too long a command line" "$(console "$domain")" \
  'command line: longer than 64 KiB'
expect_match "its status" "$(console "$domain")" 'fata: exit status 64$'

# --- no Xen ----------------------------------------------------------------------

# QEMU's own loader takes no 64-bit image, but its multiboot header.
objcopy -O elf32-i386 "$image" "$tmp/image32" || broken "objcopy"
timeout 60 "${FATA_LAB_DIR:-$B/lab}/qemu" -machine pc -m 64 -nodefaults \
  -display none -debugcon "file:$tmp/debug" -kernel "$tmp/image32" &
qemu=$!
for _ in $(seq 300); do
  grep -q 'not Xen$' "$tmp/debug" 2>/dev/null && break
  sleep 0.1
done
before=$(awk '{ print $14 }' "/proc/$(pgrep -P $qemu)/stat")
sleep 2
after=$(awk '{ print $14 }' "/proc/$(pgrep -P $qemu)/stat")
kill $qemu
wait $qemu 2>/dev/null
expect "what it says without Xen" "$(cat "$tmp/debug")" \
  'fata: panic: this is not Xen'
[ $((after - before)) -lt 100 ] || fail "without Xen it spins"
