#!/bin/bash
# SPDX-License-Identifier: ISC
#
# hostclock.sh - the guest's clocks beside dom0's. Over HOURS (1, or 24 with
# FATA_SOAK=1) they agree within what an answer takes, some 20 ms; and when dom0's time is set,
# forward or back, the guest's wall clock follows, its monotonic one does not.
# In a counted lab, where an idle hour costs seconds.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
lab --counted
hours=${HOURS:-$([ -z "${FATA_SOAK:-}" ] && echo 1 || echo 24)}
guest a "$B/tests/lab/host.xen" 'extra = "clock"'
wait_console 60 '^ready'
id=$(dom0 "xl domid $domain")

# A counted lab stands still between two commands of ours, so all of it is one.
cat >"$tmp/clocks" <<'EOF'
path=/local/domain/$1/data hours=$2
n=0

# dom0's wall clock in us; then its time since the boot, in us by 10 ms
now()
{
  adjtimex | awk '/time.tv_sec/ { s = $2 } /time.tv_usec/ { u = $2 }
    END { printf "%d%06d ", s, u }'
  awk '{ printf "%.0f\n", $1 * 1000000 }' /proc/uptime
}

# ask WHAT: "WHAT dom0's two clocks, the guest's, dom0's", in us
ask()
{
  n=$((n + 1))
  before=$(now)
  xenstore-write $path/ask $n
  until guest=$(xenstore-read $path/clock-$n 2>/dev/null); do
    usleep 2000
  done
  echo "$1 $before $guest $(now)"
}

ask start
sleep $((hours * 3600))
ask hours
date -s "@$(($(date +%s) + 3600))" >/dev/null
ask forward
date -s "@$(($(date +%s) - 7200))" >/dev/null
ask back
date -s "@$(($(date +%s) + 3600))" >/dev/null
ask again
EOF
put "$tmp/clocks" /tmp/clocks
timeout 500 "$fata" lab exec "sh /tmp/clocks $id $hours" </dev/null \
  >"$tmp/said" || fail "dom0's side: $(cat "$tmp/said")"
sed 's/^/# /' "$tmp/said"
# The guest's clock less dom0's is known to lie in an interval. Over the hours
# these must overlap; where dom0's time was set, with its time since the boot.
awk '
  function bad(text) { print $1 ": " text; failed = 1; exit 1 }
  { wall = $4 + 0; }
  {
    wall_low = $5 - $6; wall_high = $5 - $2     # guest less dom0
    mono_low = $4 - $7 - 10000; mono_high = $4 - $3 + 10000
    if (wall_high < -1000 || wall_low > 1000)
      bad("the wall clocks are apart by " wall_low " to " wall_high " us")
    if (NR == 1) { low = mono_low; high = mono_high }
    if (NR == 1) { first_low = $4 - $6; first_high = $4 - $2 }
    if (NR == 2 && ($4 - $6 > first_high || $4 - $2 < first_low))
      bad("the clocks have drifted apart")
    if (mono_low - high > 10000 || low - mono_high > 10000)
      bad("the monotonic clock is off by " mono_low - high " us or more")
    print "# " $1 ": wall " wall_low " to " wall_high " us"
  }
  END { if (!failed && NR != 5) { print NR " answers"; exit 1 } }
' "$tmp/said" || fail "the guest's clocks are not dom0's"
