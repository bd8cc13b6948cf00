#!/bin/bash
# SPDX-License-Identifier: ISC
#
# grub.sh - GRUB's image for PVH guests, as Qubes starts templates' kernels with,
# loads the image from a disk by its multiboot header, with words and modules.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2119 # no options
lab
test_guest
pkg=$B/pkg/grub
"$here/../../scripts/pkg.sh" "$pkg" grub-xen-host e2fsprogs || broken "no GRUB"
mke2fs=$(command -v mke2fs || echo /sbin/mke2fs)
[ -x "$mke2fs" ] || mke2fs=$pkg/sbin/mke2fs

mkdir -p "$tmp/root/boot/grub"
cp "$image" "$tmp/root/boot/guest"
strip "$tmp/root/boot/guest"
seq 1 20000 >"$tmp/root/boot/first"
seq 1 3 >"$tmp/root/boot/second"

# boots NAME STATUS LINE...: GRUB, with these lines in its menu's entry.
boots()
{
  local name=$1 status=$2

  shift 2
  {
    echo 'set timeout=0'
    echo 'menuentry fata {'
    printf '%s\n' "$@"
    echo '}'
  } >"$tmp/root/boot/grub/grub.cfg"
  rm -f "$tmp/disk"
  "$mke2fs" -q -d "$tmp/root" "$tmp/disk" 16M || broken "no disk"
  "$fata" lab put "$tmp/disk" /tmp/grub.disk || broken "cannot put the disk"
  guest "$name" "$pkg/usr/lib/grub-xen/grub-i386-xen_pvh.bin" 'memory = 64' \
    'disk = ["format=raw,vdev=xvda,access=rw,target=/tmp/grub.disk"]'
  wait_console 60 "fata: exit status $status"
  wait_end 30
  output=$(console "$domain")
  [ "$status" != 0 ] || expect "how $name ended" "$(end_reason)" 0
  destroy "$domain"
  note "$name"
}

boots memory 0 'multiboot /boot/guest memory'
kib=$(sed -n 's/^\([0-9]*\) KiB of memory.*/\1/p' <<<"$output")
[ "${kib:-0}" -gt $((63 * 1024)) ] || fail "of 64 MiB the guest saw $kib KiB"

boots words 0 'multiboot /boot/guest words "two words" root=/dev/xvda quiet'
expect_match "the words" "$output" '^4 words'

boots modules 2 'multiboot /boot/guest modules' 'module /boot/first one' \
  'module /boot/second'
expect_match "the first module" "$output" \
  "^module 0: $(stat -c %s "$tmp/root/boot/first") bytes"
expect_match "the second module" "$output" '^module 1: 6 bytes'

boots clock 0 'multiboot /boot/guest clock'
