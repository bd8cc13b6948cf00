# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# block_lib.bash - what the tests of disks share, after lib.sh: sums, and disks in
# dom0 that busybox cannot make.

# crc FILE: of a file in dom0
crc()
{
  dom0 "cat $1" | cksum | cut -d " " -f 1
}

# said WHAT: the CRC that the guest printed
said()
{
  console "$domain" | sed -n "s/^crc $1: //p"
}

# block_tools: losetup and dmsetup from Debian, the device mapper's module.
block_tools()
{
  local module _

  dom0 'rm -f /sbin/losetup'
  for _ in 1 2 3; do
    FATA=$fata "$(dirname "$0")/../../lab/dom0-add.sh" dmsetup mount -- \
      /sbin/dmsetup /sbin/losetup >/dev/null && break
  done
  dom0 'modprobe -q dm-mod' && return
  module=$(find "${FATA_LAB_DIR:-$B/lab}/pkg/lib/modules/" -name dm-mod.ko)
  put "$module" /tmp/dm-mod.ko
  dom0 'insmod /tmp/dm-mod.ko && dmsetup version' >/dev/null ||
    broken "no device mapper"
}

# table SECTORS: of a volume of two pieces of /dev/loop6, its end first
table()
{
  echo "0 8 linear /dev/loop6 32760
    8 $(($1 - 8)) linear /dev/loop6 0"
}

# volume NAME SECTORS: /dev/mapper/NAME, of random data
volume()
{
  dom0 "[ -e /tmp/$1.img ] ||
    dd if=/dev/urandom of=/tmp/$1.img bs=1M count=16 2>/dev/null
    losetup /dev/loop6 /tmp/$1.img
    echo '$(table "$2")' | dmsetup create --noudevrules --noudevsync $1
    dmsetup mknodes" || broken "no volume"
}
