#!/bin/bash
# SPDX-License-Identifier: ISC
#
# linux-guest.sh - starts Debian's Linux as a PVH guest in the running lab: the
# peer that benchmarks compare with, and the other end that tests talk to.
#
# Interface: linux-guest.sh [-n] [-a ADDRESS/BITS] [-f FILE]... -s SCRIPT NAME
#   [LINE...]
#   SCRIPT runs in the guest on its console, the FILEs lie beside it (in /guest,
#   modes kept; programs must be static). The last line on the console is
#   "linux-guest: status N"; then the guest powers off. eth0 gets ADDRESS.
#   Each LINE goes into the configuration: 'vif = ["bridge=xenbr0"]', ...
#   -n: do not start it, only put /tmp/NAME.cfg and what it needs into dom0.
#   The guest runs when this returns; its console is in dom0's
#   /var/log/xen/console/guest-NAME.log.
#   Environment: FATA_LAB_DIR, FATA_LAB_RUN, FATA (the tool; build/fata).
#   Exit: 0, or 1 after one line on stderr.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
lab=${FATA_LAB_DIR:-$here/../build/lab}
fata=${FATA:-$here/../build/fata}
modules="xen-netfront xen-blkfront xen-privcmd xen-evtchn xen-gntdev
  xen-gntalloc xenfs"
address='' script='' files=() start=1

die()
{
  echo "linux-guest: $*" >&2
  exit 1
}

usage="usage: linux-guest.sh [-n] [-a ADDRESS/BITS] [-f FILE]... -s SCRIPT NAME"
while getopts na:f:s: option; do
  case $option in
  n) start= ;;
  a) address=$OPTARG ;;
  f) files+=("$OPTARG") ;;
  s) script=$OPTARG ;;
  *) die "$usage" ;;
  esac
done
shift $((OPTIND - 1))
if [ $# -lt 1 ] || [ -z "$script" ]; then
  die "$usage"
fi
name=$1
shift
for f in "$script" ${files[@]+"${files[@]}"}; do
  [ -r "$f" ] || die "cannot read $f"
done
"$fata" lab status >/dev/null || die "no lab runs; start one: fata lab up"
lab=$(cd "$lab" && pwd)
busybox=$lab/pkg/bin/busybox

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

pack()
{
  (cd "$1" && find . | LC_ALL=C sort |
    "$busybox" cpio -o -H newc -R 0:0 2>/dev/null)
}

# The part that all guests share: made once, put into dom0 once. The kernel
# reads several archives one after the other, so the guest's own part follows.
make_base()
{
  local root=$tmp/root m done_modules=
  local from
  mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,proc,sys,dev,tmp,root,guest} \
    "$root/lib/modules"
  cp "$busybox" "$root/bin/busybox"
  for m in $("$busybox" --list); do
    [ "$m" = busybox ] || ln -s /bin/busybox "$root/bin/$m"
  done
  from=$(echo "$lab"/pkg/lib/modules/*)
  for m in $modules; do
    cp "$(find "$from" -name "$m.ko")" "$root/lib/modules/"
    done_modules="$done_modules $m"
  done
  # shellcheck disable=SC2086 # words
  printf '%s\n' $done_modules >"$root/lib/modules/list"
  install -m 755 "$here/guest/init" "$root/init"
  pack "$root" >"$tmp/base"
  mv "$tmp/base" "$lab/guest.img"
  cat "$lab/stamp" "$here/guest/init" "$0" | sha256sum >"$lab/guest.stamp"
}

want=$(cat "$lab/stamp" "$here/guest/init" "$0" | sha256sum)
if [ "$want" != "$(cat "$lab/guest.stamp" 2>/dev/null)" ]; then
  echo "lab: building the Linux guest" >&2
  make_base
fi
if [ "$("$fata" lab exec 'cat /tmp/linux/stamp 2>/dev/null' </dev/null || true)" \
  != "$want" ]; then
  echo "lab: putting the Linux guest's kernel into dom0" >&2
  "$fata" lab exec 'mkdir -p /tmp/linux' </dev/null
  "$fata" lab put "$lab/vmlinux" /tmp/linux/vmlinux
  "$fata" lab put "$lab/guest.stamp" /tmp/linux/stamp
fi

mkdir -p "$tmp/own/guest"
install -m 755 "$script" "$tmp/own/guest/script"
for f in ${files[@]+"${files[@]}"}; do
  cp -L --preserve=mode "$f" "$tmp/own/guest/"
done
# an archive starts at a multiple of 4 bytes; busybox pads to 512
{ cat "$lab/guest.img" && pack "$tmp/own"; } >"$tmp/initrd"
"$fata" lab put "$tmp/initrd" "/tmp/$name.initrd"

{
  echo "name = \"$name\""
  echo 'type = "pvh"'
  echo 'kernel = "/tmp/linux/vmlinux"'
  echo "ramdisk = \"/tmp/$name.initrd\""
  echo "extra = \"console=hvc0 loglevel=1 mitigations=off address=$address\""
  echo 'memory = 192'
  echo 'tsc_mode = "native"'
  printf '%s\n' "$@"
} >"$tmp/cfg"
"$fata" lab put "$tmp/cfg" "/tmp/$name.cfg"
[ -n "$start" ] || exit 0
"$fata" lab exec "rm -f /var/log/xen/console/guest-$name.log
  xl create -q -p /tmp/$name.cfg || exit 1
  tries=0
  until [ -e /var/log/xen/console/guest-$name.log ]; do
    tries=\$((tries + 1))
    [ \$tries -lt 200 ] || exit 1
    usleep 50000
  done
  rm -f /tmp/$name.initrd
  xl unpause $name" </dev/null || die "xl cannot start $name"
