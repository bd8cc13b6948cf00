#!/bin/bash
# SPDX-License-Identifier: ISC
#
# channel.sh - a further console, xl's channel=, whose backend is QEMU in dom0:
# found by its name, a line each way. (libxl 4.17 takes no first channel of a
# PVH guest; the one before ours is unused.)

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab
here=$(cd "$(dirname "$0")" && pwd)

FATA=$fata "$here/../../lab/dom0-qemu.sh" || broken "no QEMU in dom0"
"$fata" cc -O2 -g -Wall -Wextra "$here/channel.c" -o "$tmp/channel.xen" ||
  broken "the guest does not build"
guest 1 "$tmp/channel.xen" \
  'channel = ["name=unused,connection=pty", "name=org.fata,connection=pty"]'
wait_console 30 'console_open: 0'
tty=$(dom0 "d=\$(xl domid $domain)
  for n in 0 1 2 3; do
    p=/local/domain/\$d/device/console/\$n
    [ \"\$(xenstore-read \$p/name 2>/dev/null)\" = org.fata ] || continue
    xenstore-read \$p/tty 2>/dev/null ||
      xenstore-read \"\$(xenstore-read \$p/backend)/tty\"
  done")
expect_match "the console's terminal" "$tty" '^/dev/pts/[0-9]+$'
# Not by the session's leader: the terminal would become its own, and take it
# along when QEMU closes it.
answer=$(dom0 "sh -c 'stty raw -echo <$tty; timeout 8 cat $tty >/tmp/answer &
  sleep 1; echo hello there >$tty; sleep 1; echo bye >$tty'
  sleep 3; cat /tmp/answer" | tr -d '\r')
expect_match "the answer" "$answer" 'got <hello there>'
expect_match "the last answer" "$answer" 'got <bye>'
wait_end 30
expect "why it ended" "$(end_reason)" 0
