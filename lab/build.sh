#!/bin/bash
# SPDX-License-Identifier: ISC
#
# build.sh - makes what the lab boots: Xen, dom0's kernel, dom0's root.
#
# Everything comes from Debian's packages, unpacked into a folder (nothing is
# installed), but for the glue in lab/: init, hot-plug scripts, the agent.
#
# Interface: build.sh LABDIR
#   LABDIR/xen.elf     the hypervisor, a multiboot image
#   LABDIR/vmlinux     the kernel, uncompressed: saves seconds of emulation
#   LABDIR/initrd.img  dom0's root, an uncompressed cpio archive
#   LABDIR/qemu        a script that runs QEMU: the host's, else the package's
#   LABDIR/stamp       what these were made from; the same again: nothing to do
#   Environment: FATA_PKG (default LABDIR/pkg) gets the unpacked packages.
#   Exit: 0, or 1 after one line on stderr.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
pkg_sh=$here/../scripts/pkg.sh
xen=4.17

# Loaded by init, in this order, with what they depend on before them; and
# those that are there for modprobe and the kernel's own requests.
boot_modules="xen-privcmd xen-evtchn xen-gntdev xen-gntalloc xenfs bridge
  xen-netback xen-blkback loop virtio_pci virtio_net"
more_modules="brd null_blk 9p 9pnet_virtio 9pnet_xen ext4 crc32c_generic tun
  e1000 dummy
  veth xen-netfront xen-blkfront virtio_blk squashfs overlay"

xen_programs="xl libxl-save-helper xenstored xenconsoled xenconsole
  xen-init-dom0 xenctx xentop xentrace xen-hvmctx lsevtchn
  xenstore-control xen-diag xen-cpuid xenpm vchan-socket-proxy"
xenstore_programs="xenstore-chmod xenstore-exists xenstore-list xenstore-ls
  xenstore-read xenstore-rm xenstore-watch xenstore-write"
other_programs="/usr/bin/xen-detect /usr/bin/xenalyze /usr/sbin/xenhypfs
  /usr/sbin/gdbsx /sbin/mke2fs /sbin/e2fsck /sbin/debugfs"

die()
{
  echo "lab: $*" >&2
  exit 1
}

say()
{
  echo "lab: $*" >&2
}

[ $# -eq 1 ] || die "usage: build.sh LABDIR"
mkdir -p "$1" || die "cannot create $1"
lab=$(cd "$1" && pwd)
pkg=${FATA_PKG:-$lab/pkg}
tmp=$lab/tmp.build
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
exec 7>"$lab/build.lock"
flock -n 7 || { say "waiting for another build"; flock -w 1800 7; } ||
  die "$lab/build.lock is still locked after 30 minutes"

stamp=$(cd "$here" && cat build.sh proto.[ch] dom0/*.[ch] dom0/init \
  dom0/scripts/* | sha256sum | cut -c1-16)
[ "$(cat "$lab/stamp" 2>/dev/null)" != "$stamp" ] || exit 0

say "fetching packages (1/3)"
"$pkg_sh" "$pkg" xen-hypervisor-$xen-amd64 xen-utils-$xen xen-utils-common \
  xenstore-utils busybox-static linux-image-amd64 e2fsprogs || exit 1
pkg=$(cd "$pkg" && pwd)
if ! command -v qemu-system-x86_64 >/dev/null; then
  "$pkg_sh" "$pkg-qemu" qemu-system-x86 || exit 1
fi
if ! command -v musl-gcc >/dev/null; then
  "$pkg_sh" "$pkg-musl" musl-dev || exit 1
fi

say "building dom0 (2/3)"
rm -rf "$tmp"
root=$tmp/root
busybox=$pkg/bin/busybox
libs=/lib/x86_64-linux-gnu
mkdir -p "$root"/{bin,sbin,usr/{bin,sbin,lib},lib64,proc,sys,dev,tmp,root} \
  "$root"/{etc/xen/scripts,lib/modules,run,var/lib/xen{,stored}} \
  "$root"/{run/xen{,stored},run/lock,var/log/xen/console,mnt} "$root$libs"
chmod 1777 "$root/tmp"
ln -s ../run "$root/var/run"
ln -s ../run/lock "$root/var/lock"
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\n' >"$root/etc/group"
printf '127.0.0.1 localhost lab\n' >"$root/etc/hosts"
printf 'nameserver 10.0.2.3\n' >"$root/etc/resolv.conf"

# Extracts the kernel proper from its self-extracting image: offset and length
# are in its header (Documentation/arch/x86/boot.rst: setup_sects 0x1f1,
# payload_offset 0x248, payload_length 0x24c).
field()
{
  od -An -t u"$2" -j "$3" -N "$2" "$1" | tr -d ' '
}

extract_kernel()
{
  local sects offset length magic

  sects=$(field "$1" 1 497)
  offset=$(((sects + 1) * 512 + $(field "$1" 4 584)))
  length=$(field "$1" 4 588)
  tail -c +$((offset + 1)) "$1" >"$tmp/payload"
  truncate -s "$length" "$tmp/payload"
  magic=$(od -An -t x1 -N 4 "$tmp/payload" | tr -d ' ')
  case $magic in
  fd377a58) xz -dcq --single-stream "$tmp/payload" >"$2" ;;
  1f8b*) "$busybox" zcat "$tmp/payload" >"$2" 2>/dev/null ;;
  28b52ffd) zstd -dcq "$tmp/payload" >"$2" 2>/dev/null ;;
  *) die "$1: unknown compression $magic" ;;
  esac || true # the length that follows the data is not part of it
  [ "$(od -An -t x1 -N 4 "$2" | tr -d ' ')" = 7f454c46 ] ||
    die "$1: no kernel in it"
}

kernel=$(printf '%s\n' "$pkg"/boot/vmlinuz-*-amd64 | sort -V | tail -1)
release=${kernel##*/vmlinuz-}
extract_kernel "$kernel" "$tmp/vmlinux"
"$busybox" zcat "$pkg/boot/xen-$xen-amd64.gz" >"$tmp/xen.elf"

# Modules, flat in one folder; `seen` keeps the order in which they load.
moddir=$root/lib/modules/$release
mkdir -p "$moddir"
seen=
add_module()
{
  local name=${1//_/-} file dep deps

  case " $seen " in *" $name "*) return ;; esac
  file=$(find "$pkg/lib/modules/$release" -name "$name.ko" -o \
    -name "${name//-/_}.ko" -o -name "$1.ko" | head -1)
  [ -n "$file" ] || return 0 # built into the kernel
  deps=$(tr '\0' '\n' <"$file" | sed -n 's/^depends=//p')
  for dep in ${deps//,/ }; do
    add_module "$dep"
  done
  cp "$file" "$moddir/$name.ko"
  seen="$seen $name"
}

for m in $boot_modules; do
  add_module "$m"
done
# shellcheck disable=SC2086 # words
printf '%s\n' $seen >"$root/lib/modules/boot.list"
for m in $more_modules; do
  add_module "$m"
done
"$busybox" depmod -b "$root" "$release" || die "depmod failed"

# A program, with the libraries that the loader would give it here.
search=$pkg/usr/lib/x86_64-linux-gnu:$pkg/lib/x86_64-linux-gnu
add_program()
{
  local file=$1 lib out

  cp -L "$file" "$root$2"
  # an ELF file starts with a byte that no script starts with
  [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || return 0
  out=$(LD_LIBRARY_PATH=$search ldd "$file" 2>/dev/null) || return 0
  case $out in
  *'not found'*) die "$file: a library is missing: ${out%% =>*}" ;;
  esac
  sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' <<<"$out" |
    while read -r lib; do
      [ -e "$root$libs/${lib##*/}" ] ||
        cp -L "$lib" "$root$libs/"
    done
}

for p in $xen_programs; do
  add_program "$pkg/usr/lib/xen-$xen/bin/$p" "/usr/sbin/$p"
done
# libxl looks for its helpers where Debian keeps them.
mkdir -p "$root/usr/lib/xen-$xen"
ln -s ../../sbin "$root/usr/lib/xen-$xen/bin"
for p in $xenstore_programs; do
  add_program "$pkg/usr/bin/$p" "/usr/bin/$p"
done
for p in $other_programs; do
  add_program "$pkg$p" "$p"
done
cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
# xl cancels threads; glibc loads this library for it by name.
cp -L "$(gcc -print-file-name=libgcc_s.so.1)" "$root$libs/"

cp "$busybox" "$root/bin/busybox"
for p in $("$busybox" --list); do
  [ -e "$root/bin/$p" ] || [ -e "$root/sbin/$p" ] ||
    [ -e "$root/usr/sbin/$p" ] || [ -e "$root/usr/bin/$p" ] ||
    ln -s /bin/busybox "$root/bin/$p"
done
ln -s /bin/busybox "$root/sbin/modprobe"

if command -v musl-gcc >/dev/null; then
  cc="musl-gcc"
else
  m=$pkg-musl/usr
  cc="gcc -nostdinc -isystem $m/include/x86_64-linux-musl -nostdlib
    $m/lib/x86_64-linux-musl/crt1.o -L$m/lib/x86_64-linux-musl"
  after="-lc -lgcc"
fi
# shellcheck disable=SC2086 # words
$cc -static -no-pie -O2 -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror \
  -o "$root/usr/sbin/fata-agent" "$here"/dom0/*.c "$here/proto.c" \
  ${after:-} || die "the agent does not compile"

install -m 755 "$here/dom0/init" "$root/init"
install -m 755 "$here"/dom0/scripts/{vif-bridge,block} "$root/etc/xen/scripts/"
install -m 755 "$here/dom0/scripts/ssh-self" "$root/usr/bin/"
printf 'autoballoon="off"\n' >"$root/etc/xen/xl.conf"

say "packing dom0 (3/3)"
(cd "$root" && find . | LC_ALL=C sort |
  "$busybox" cpio -o -H newc -R 0:0 2>/dev/null) >"$tmp/initrd.img" ||
  die "cannot pack $tmp/initrd.img: is the disk full?"

{
  echo '#!/bin/sh'
  if command -v qemu-system-x86_64 >/dev/null; then
    echo 'exec qemu-system-x86_64 "$@"'
  else
    q=$(cd "$pkg-qemu" && pwd)
    echo "LD_LIBRARY_PATH='$q/usr/lib/x86_64-linux-gnu:$q/lib/x86_64-linux-gnu'"
    echo 'export LD_LIBRARY_PATH'
    echo "exec '$q/usr/bin/qemu-system-x86_64' -L '$q/usr/share/qemu' \\"
    echo "	-L '$q/usr/share/seabios' \"\$@\""
  fi
} >"$tmp/qemu"
chmod 755 "$tmp/qemu"

rm -f "$lab/stamp"
mv "$tmp/xen.elf" "$tmp/vmlinux" "$tmp/initrd.img" "$tmp/qemu" "$lab/"
echo "$stamp" >"$lab/stamp"
