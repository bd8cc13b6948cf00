#!/bin/bash
# SPDX-License-Identifier: ISC
#
# p9.sh - a folder of dom0 in a guest, through QEMU's 9pfs backend: what one
# writes the other reads, a thousand names, links, modes and times, changes by
# both while the file is open, two threads that append; a save and a restore
# with a file and a directory open; a backend that is killed. Its speed:
# bench/p9.sh.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# counted: the host may be as busy as it likes
lab --counted
here=$(cd "$(dirname "$0")" && pwd)
image=$B/tests/lab/p9.xen

FATA=$fata "$here/../../lab/dom0-qemu.sh" || broken "no QEMU in dom0"
dom0 'rm -rf /tmp/share; mkdir -p /tmp/share/many
  i=0; while [ $i -lt 900 ]; do
    : >/tmp/share/many/a-name-of-some-length-$i; i=$((i + 1)); done
  dd if=/dev/urandom of=/tmp/share/from-dom0 bs=1000 count=2500 2>/dev/null'

# start WORD: a guest with the folder
start()
{
  guest "$1" "$image" 'memory = 64' \
    'p9 = ["tag=share,path=/tmp/share,security_model=none"]' \
    "cmdline = \"$1 --mount share:/mnt:9p\""
}

# go NAME: the guest stands there; let it go on
go()
{
  wait_console 240 "^at $1"
  dom0 "${2:-true}; : >/tmp/share/go-$1"
}

crc()
{
  "$fata" lab get "/tmp/share/$1" "$tmp/$1" || broken "lab get"
  cksum <"$tmp/$1" | cut -d' ' -f1
}

start all
go append 'echo dom0 >>/tmp/share/shared'
go remove 'rm /tmp/share/shared; echo new >/tmp/share/shared'
wait_end 240
console "$domain" >"$tmp/console"
grep -q '^p9: ok' "$tmp/console" || fail "$(tail -n 3 "$tmp/console")"
expect "what it read" "$(sed -n 's/^read //p' "$tmp/console")" \
  "2500000 $(crc from-dom0)"
expect "what it wrote" "$(sed -n 's/^wrote //p' "$tmp/console")" \
  "3145745 $(crc to-dom0)"
expect "its names" "$(sed -n 's/^names //p' "$tmp/console")" 989
expect "names in dom0" "$(dom0 'ls /tmp/share/many | wc -l')" 989
expect "the file in dom0" "$(dom0 "cd /tmp/share && stat -c \
  '%a %u %g %s %h %X %Y' file && cat file && readlink soft && cat soft hard &&
  stat -c '%a %F' to-dom0" | tr '\n' ' ')" \
  "604 3 4 10 2 1000000000 1234567890 line 1 linfile \
line 1 linline 1 lin640 regular file "
expect "lines that two threads appended" "$(dom0 'sort -u /tmp/share/log |
  grep -cxE "(one|two) [0-9]+"; wc -l </tmp/share/log')" $'120\n120'
note "$(grep -E '^(read|wrote|names)' "$tmp/console" | tr '\n' ' ')"
destroy "$domain"

note "a save and a restore"
start hold
wait_console 240 '^at restored'
timeout 120 "$fata" lab exec "xl save $domain /tmp/$domain.save >/dev/null 2>&1 &&
  xl restore /tmp/$domain.save >/dev/null 2>&1 && rm /tmp/$domain.save" \
  </dev/null || fail "save and restore"
log="/var/log/xen/console/guest-$domain*"
dom0 ': >/tmp/share/go-restored'
wait_for 240 "it to go on" "grep -q '^at killed' $log"
expect "what it wrote" "$(dom0 'cat /tmp/share/held; ls /tmp/share/in')" \
  "after!here"
note "the backend is killed"
dom0 "kill -9 \$(cat /var/run/xen/qemu-dm-$domain.pid 2>/dev/null ||
  ps | awk '/[x]en-qemu.*-name $domain/ { print \$1 }')"
wait_for 240 "an error" "grep -q '^p9: ok' $log"
expect_match "what it saw" "$(dom0 "cat $log")" '^error 5'
destroy "$domain"
