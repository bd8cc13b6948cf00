#!/bin/bash
# SPDX-License-Identifier: ISC
#
# pvh-dom0.sh - runs an image as a PVH dom0: Xen in QEMU and nothing else.
#
# No Linux, no toolstack, no snapshot: a few seconds for a test of boot, paging,
# traps, events, hypercalls. What such a domain prints through the hypervisor's
# console comes out on the serial line, between Xen's own lines.
#
# Interface: pvh-dom0.sh [-q] [-t SECONDS] [-m MIB] [-c CPUS] IMAGE [ARG...]
#   -q  without Xen's own lines       -t  the limit (default 60)
#   -m  the domain's memory (256)     -c  physical CPUs (1)
#   -x  more options for Xen's command line
#   Exit status:   0  the domain powered off    3  it asked for a reboot
#   134  it crashed, or Xen panicked          124  the time was up
#   125  it could not be run, after one line on stderr
#   Environment: FATA_LAB_DIR (default build/lab) has Xen, see build.sh.

set -u

here=$(cd "$(dirname "$0")" && pwd)
quiet=0 limit=60 memory=256 cpus=1 more=

die()
{
  echo "pvh-dom0: $*" >&2
  exit 125
}

number()
{
  case $2 in
  '' | *[!0-9]* | 0*) die "$1 needs a number, not '$2'" ;;
  esac
}

while getopts qt:m:c:x: option; do
  case $option in
  q) quiet=1 ;;
  t) limit=$OPTARG && number -t "$limit" ;;
  m) memory=$OPTARG && number -m "$memory" ;;
  c) cpus=$OPTARG && number -c "$cpus" ;;
  x) more=$OPTARG ;;
  *) die "usage: pvh-dom0.sh [-q] [-t SECONDS] [-m MIB] IMAGE [ARG...]" ;;
  esac
done
shift $((OPTIND - 1))
[ $# -ge 1 ] || die "which image?"
if [ ! -f "$1" ] || [ ! -r "$1" ]; then
  die "cannot read the image $1"
fi
image=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift

lab=${FATA_LAB_DIR:-$here/../build/lab}
if [ ! -e "$lab/frozen" ]; then
  "$here/build.sh" "$lab" || exit 125
fi
lab=$(cd "$lab" && pwd)

# Relative names: QEMU ends a module's name at a space and splits at commas.
tmp=$(mktemp -d) || die "no temporary folder"
qemu=
# shellcheck disable=SC2317 # called by the trap
cleanup()
{
  [ -z "$qemu" ] || kill "$qemu" 2>/dev/null
  rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 125' HUP INT TERM
cd "$tmp" || exit 125
ln -s "$image" image
mkfifo serial

# As lab_have_kvm() in tools/fata/lab_qemu.c.
accel="tcg,thread=multi"
cpu=qemu64,+svm,+npt,+ssse3,+sse4.1,+sse4.2,+popcnt,+rdrand,+smep
if grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo && [ -w /dev/kvm ] &&
  grep -q '[Y1]' /sys/module/kvm_{intel,amd}/parameters/nested 2>/dev/null
then
  accel=kvm cpu=host
fi

# noreboot: a crash stays on the screen, and is told from a reboot.
words=$*
# Typed text comes from a pipe; a terminal would be put into raw mode.
if [ -t 0 ]; then exec 3</dev/null; else exec 3<&0; fi
timeout -k 2 "$limit" "$lab/qemu" -name fata-pvh -accel $accel -machine pc \
  -cpu $cpu -smp "$cpus" -m $((memory + 128)) -nodefaults -display none \
  -no-reboot -serial stdio -kernel "$lab/xen.elf" -append "console=com1 \
com1=115200,8n1 loglvl=warning guest_loglvl=all serial_tx_buffer=64k \
bootscrub=0 noreboot dom0=pvh dom0-iommu=none dom0_mem=${memory}M \
dom0_max_vcpus=1 $more" -initrd "image ${words//,/,,}" \
  <&3 >serial 2>qemu.err &
qemu=$!

show()
{
  [ $quiet = 0 ] || case $1 in
  '(XEN)'*) return ;;
  *'(XEN) '*) set -- "${1%%'(XEN) '*}" ;;
  esac
  printf '%s\n' "$1"
}

# What Xen says when its dom0 ends, or when Xen does (xen/common/shutdown.c).
while IFS= read -r line || [ -n "$line" ]; do
  line=${line%$'\r'}
  show "$line"
  case $line in
  *'(XEN) Hardware Dom0 halted'*) status=0 ;;
  *'(XEN) Hardware Dom0 shutdown: rebooting'*) status=3 ;;
  *'(XEN) Hardware Dom0 crashed'*) status=134 ;;
  *'(XEN) Hardware Dom0 shutdown'*) status=134 ;;
  *'(XEN) Manual reset required'*) status=134 ;;
  *) continue ;;
  esac
  exit "$status"
done <serial 2>/dev/null

wait "$qemu"
ended=$?
qemu=
case $ended in
124 | 137) exit 124 ;;
0) exit 3 ;; # -no-reboot: QEMU ends where the machine would reboot
esac
die "QEMU ended: $(head -1 qemu.err)"
