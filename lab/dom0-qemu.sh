#!/bin/bash
# SPDX-License-Identifier: ISC
#
# dom0-qemu.sh - adds QEMU to the dom0 of the running lab: libxl starts it as
# the backend of what Linux has no driver for (a guest's `channel=` consoles,
# 9pfs, keyboards). It is 36 MB with its libraries, so dom0 has it only when
# asked for.
#
# Interface: dom0-qemu.sh    adds it unless it is there; needs a running lab.
#   Environment: FATA_LAB_DIR, FATA_LAB_RUN, FATA (the tool; build/fata).
#   Exit: 0, or 1 after one line on stderr.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
lab=${FATA_LAB_DIR:-$here/../build/lab}
fata=${FATA:-$here/../build/fata}
where=usr/libexec/xen-qemu-system-i386 # as Debian's libxl expects
libs=lib/x86_64-linux-gnu

die()
{
  echo "lab: $*" >&2
  exit 1
}

"$fata" lab status >/dev/null || die "no lab runs; start one: fata lab up"
"$fata" lab exec "test -x /$where" </dev/null 2>/dev/null && exit 0
lab=$(cd "$lab" && pwd)

# All that it links with and that dom0's root does not have yet.
make_archive()
{
  local tmp=$lab/tmp.qemu root=$lab/tmp.qemu/root pkg=$lab/pkg-xenqemu out
  local search=$pkg/usr/lib/x86_64-linux-gnu:$pkg/lib/x86_64-linux-gnu

  "$here/../scripts/pkg.sh" "$pkg" qemu-system-xen
  rm -rf "$tmp"
  mkdir -p "$root/$libs" "$root/usr/libexec" "$root/usr/share/qemu/keymaps"
  : >"$root/usr/share/qemu/keymaps/en-us" # it wants one, for no keyboard
  cp "$pkg/$where" "$root/$where"
  search=$search:$lab/pkg/usr/lib/x86_64-linux-gnu
  out=$(LD_LIBRARY_PATH=$search ldd "$pkg/$where") ||
    die "cannot list the libraries of $pkg/$where"
  case $out in
  *'not found'*) die "a library is missing: ${out%% => not found*}" ;;
  esac
  "$lab/pkg/bin/busybox" cpio -t <"$lab/initrd.img" >"$tmp/has" 2>/dev/null
  sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' <<<"$out" | while read -r lib; do
    grep -q "/${lib##*/}\$" "$tmp/has" || cp -L "$lib" "$root/$libs/"
  done
  "$lab/pkg/bin/busybox" tar -cf "$tmp/qemu.tar" -C "$root" . ||
    die "cannot write $tmp/qemu.tar: is the disk full?"
  mv "$tmp/qemu.tar" "$lab/dom0-qemu.tar"
  rm -rf "$tmp"
}

exec 7>"$lab/qemu.lock"
flock -w 1800 7 || die "$lab/qemu.lock is still locked after 30 minutes"
if [ ! -e "$lab/dom0-qemu.tar" ]; then
  echo "lab: building QEMU for dom0" >&2
  make_archive
fi
"$fata" lab put "$lab/dom0-qemu.tar" /tmp/qemu.tar
"$fata" lab exec "cd / && tar -xf /tmp/qemu.tar; rm -f /tmp/qemu.tar
  /$where --version" </dev/null >/dev/null ||
  die "QEMU does not fit into dom0's memory"
