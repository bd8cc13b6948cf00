#!/bin/bash
# SPDX-License-Identifier: ISC
#
# xenstore.sh - a guest and the real xenstored: the guest's walk through its own
# directory is what xenstore-ls says; watches and nodes up to the quota and
# beyond it; keys that are hidden, removed and made again while it reads them.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2119 # no options
lab
image=$B/tests/lab/xenstore.xen

home()
{
  dom0 "echo /local/domain/\$(xl domid $domain)"
}

ends_well()
{
  wait_end 120
  expect_match "its last words" "$(console "$domain")" '^xenstore: ok'
}

# --- the same tree ---------------------------------------------------------------

guest walk "$image" 'cmdline = "walk"' 'on_poweroff = "preserve"'
home=$(home)
# 300 names of 20 letters do not fit into one answer; odd values; depth
timeout 300 "$fata" lab exec "
  for i in \$(seq 100 399); do
    xenstore-write $home/data/wide/name-of-twenty-ch\$i \$i
  done
  d=$home/data/deep
  for i in \$(seq 30); do
    d=\$d/\$i
    xenstore-write \$d 'value \"\$i\"'
  done
  xenstore-write $home/data/empty ''
  xenstore-write $home/data/odd \"\$(printf 'a\\tb\\\\c\\nd')\"
  xenstore-write $home/data/go walk" </dev/null || fail "cannot make a tree"
ls=$(dom0 "xenstore-ls -f $home")
wait_console 200 '^walked'
again=$(dom0 "xenstore-ls -f $home")
expect "a tree that stands still" "$again" "$ls"
walk=$(console "$domain" | sed -n 's/^W //p')
[ "$walk" = "$ls" ] || {
  diff <(echo "$walk") <(echo "$ls") | head -20
  fail "the guest sees another tree"
}
note "$(echo "$walk" | wc -l) nodes, the same for both"
ends_well

# --- quotas ----------------------------------------------------------------------

guest quota "$image" 'cmdline = "quota"' 'on_poweroff = "preserve"'
home=$(home)
wait_for 120 "the quota" "[ \"\$(xenstore-read $home/data/said)\" = refused ]"
expect_match "watches up to the quota" "$(console "$domain")" \
  '^watches 1[0-9][0-9] error -7$' # E2BIG
dom0 "xenstore-control quota set watches 1200" || fail "xenstore-control quota"
dom0 "xenstore-write $home/data/go again"
ends_well
expect_match "1,000 watches" "$(console "$domain")" '^watches 1000 error 0$'
expect_match "nodes" "$(console "$domain")" '^nodes [1-9][0-9]+ error -28$'
expect_match "a large value" "$(console "$domain")" '^value 3000 error -(7|28)$'
console "$domain" | sed -n 's/^\(watches\|nodes\|value\)/# \1/p'
dom0 "xenstore-control quota set watches 128"

# --- races -----------------------------------------------------------------------

guest race "$image" 'cmdline = "race"' 'on_poweroff = "preserve"'
home=$(home)
id=${home##*/}
a=$(printf 'a%.0s' $(seq 64)) b=$(printf 'b%.0s' $(seq 64))
wait_for 60 "the guest" "[ \"\$(xenstore-read $home/data/said)\" = racing ]"
timeout 300 "$fata" lab exec "
  x=$home/data/race
  for i in \$(seq ${ROUNDS:-30}); do
    xenstore-write \$x/x $a
    xenstore-chmod \$x/x n0 r$id
    xenstore-write \$x/x $b
    xenstore-chmod \$x/x n0
    xenstore-chmod \$x n0
    xenstore-rm \$x
  done
  xenstore-write $home/data/stop 1" </dev/null || fail "cannot race"
ends_well
expect_match "what it saw" "$(console "$domain")" \
  '^turns [0-9]+ fine [1-9][0-9]* hidden [1-9][0-9]* gone [1-9][0-9]* other 0$'
console "$domain" | sed -n 's/^turns/# turns/p'
