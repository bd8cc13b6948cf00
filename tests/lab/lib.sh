# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# lib.sh - what the tests in tests/lab share: a lab, guests in it, their
# consoles. A test is a bash script that starts with
#
#    . "$(dirname "$0")/lib.sh"
#
# Interface: environment: FATA_BUILD, the build folder (default build), whose
# fata and images are used. A test runs in a lab of its own (a restored one
# costs a quarter of a second) unless FATA_LAB_RUN is given; guests' names are
# made unique, and guests are destroyed when the test ends, however it ends.
#
# Exit status: 0 success, 1 failure, 77 skipped, 99 the test could not be run.
# Nothing here waits without a limit; limits are seconds of wall clock.

set -u

B=$(cd "${FATA_BUILD:-build}" && pwd)
fata=$B/fata
test_name=$(basename "$0" .sh)
tmp=$(mktemp -d)
guests=
own_lab=

# --- outcomes --------------------------------------------------------------

fail()
{
  echo "FAIL: $*" >&2
  exit 1
}

skip()
{
  echo "SKIP: $*" >&2
  exit 77
}

broken()
{
  echo "ERROR: $*" >&2
  exit 99
}

note()
{
  echo "# $*"
}

# expect WHAT GOT WANTED
expect()
{
  [ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"
}

# expect_match WHAT TEXT PATTERN (extended regular expression)
expect_match()
{
  grep -qE -- "$3" <<<"$2" || fail "$1: nothing matches '$3' in: $2"
}

# --- the lab ---------------------------------------------------------------

at_end()
{
  local status=$? g

  trap - EXIT
  [ $status = 0 ] || [ -z "$guests" ] || look >&2
  for g in $guests; do
    if [ $status != 0 ]; then
      echo "--- console of $g:" >&2
      console "$g" | tail -40 >&2
    fi
    destroy "$g" 2>/dev/null
  done
  [ -z "$own_lab" ] || "$fata" lab down
  rm -rf "$tmp"
  exit $status
}
trap at_end EXIT
trap 'exit 99' HUP INT TERM

# What a guest that hangs is doing: its registers, event channels, timers.
look()
{
  dom0 "xl list
    for i in \$(xl list | awk 'NR > 2 { print \$2 }'); do xenctx \$i; done
    xl debug-keys eqa; sleep 1; xl dmesg | tail -150 | grep -v '^(XEN) *[{}]'"
}

# lab [OPTION...]: starts it if need be; the options are those of `fata lab up`.
lab()
{
  if [ -z "${FATA_LAB_RUN:-}" ]; then
    export FATA_LAB_RUN=$tmp/run
    own_lab=1
  fi
  timeout 600 "$fata" lab up "$@" || broken "no lab"
}

# dom0 COMMAND: a shell command in dom0, within 60 s.
dom0()
{
  timeout 60 "$fata" lab exec "$1" </dev/null
}

# put FILE PATH: a file into dom0
put()
{
  "$fata" lab put "$1" "$2" || broken "cannot put $1"
}

# wait_for SECONDS WHAT COMMAND: until the shell command in dom0 succeeds.
wait_for()
{
  timeout "$(($1 + 10))" "$fata" lab exec \
    "end=\$((\$(date +%s) + $1))
    until ( $3 ) >/dev/null 2>&1; do
      [ \$(date +%s) -lt \$end ] || exit 1
      usleep 100000
    done" </dev/null || fail "waited $1 s for $2"
}

# --- guests ----------------------------------------------------------------

# test_guest: makes $image, the guest of tests/lab/guest.c.
test_guest()
{
  local here

  here=$(cd "$(dirname "$0")" && pwd)
  image=$tmp/guest.xen
  "$fata" cc -O2 -g -Wall -Wextra -I"$here/.." "$here/guest.c" -o "$image" ||
    broken "the guest does not build"
}

# guest NAME IMAGE [LINE...]: a PVH guest from an image on this host; each LINE
# goes into its configuration, over the defaults. Sets $domain to its full name.
# Its console is attached before it runs, so that no line is lost.
guest()
{
  guest_paused "$@"
  dom0 "xl unpause $domain" || fail "xl unpause $domain"
}

# The same, but it does not run yet.
guest_paused()
{
  domain=$test_name-$1-$$
  guests="$guests $domain"
  [ -r "$2" ] || broken "no image $2"
  put "$2" "/tmp/$domain.xen"
  {
    echo "name = \"$domain\""
    echo 'type = "pvh"'
    echo "kernel = \"/tmp/$domain.xen\""
    echo 'memory = 32'
    echo 'vcpus = 1' # without it xl makes too small a pool for memory = 1
    echo 'tsc_mode = "native"'
    echo 'on_crash = "preserve"'
    shift 2
    printf '%s\n' "$@"
  } >"$tmp/$domain.cfg"
  put "$tmp/$domain.cfg" "/tmp/$domain.cfg"
  dom0 "rm -f /var/log/xen/console/guest-$domain.log
    xl create -q -p /tmp/$domain.cfg" ||
    fail "xl create $domain"
  wait_for 10 "the console daemon" \
    "[ -e /var/log/xen/console/guest-$domain.log ]"
}

# console NAME: what it has printed so far.
console()
{
  dom0 "cat /var/log/xen/console/guest-$1.log 2>/dev/null" | tr -d '\r'
}

# wait_console SECONDS PATTERN [NAME]: until a line matches.
wait_console()
{
  wait_for "$1" "'$2' on the console of ${3:-$domain}" \
    "grep -qE -- '$2' /var/log/xen/console/guest-${3:-$domain}.log"
}

# wait_end SECONDS [NAME]: until the domain has shut down or is gone. Its state
# is six letters and dashes: s shut down (then why: r reboot, c crash, w
# watchdog), c crashed, d dying.
wait_end()
{
  wait_for "$1" "the end of ${2:-$domain}" \
    "! state=\$(xl list ${2:-$domain}) ||
    echo \"\$state\" | grep -qE ' [-rbp]*[scd][-rbpscdw]* '"
}

# end_reason [NAME]: how it ended: 0 power-off, 1 reboot, 2 suspend, 3 crash.
end_reason()
{
  dom0 "sed -n 's/^Domain [0-9]* has shut down, reason code \([0-9]*\).*/\1/p' \
    /var/log/xen/xl-${1:-$domain}.log | tail -1"
}

destroy()
{
  dom0 "xl destroy $1 2>/dev/null
    rm -f /tmp/$1.xen /tmp/$1.cfg /var/log/xen/console/guest-$1.log \
      /var/log/xen/xl-$1.log*"
}
