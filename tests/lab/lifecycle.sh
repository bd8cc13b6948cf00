#!/bin/bash
# SPDX-License-Identifier: ISC
#
# lifecycle.sh - a guest that is saved and restored, checkpointed and migrated,
# in rounds, while its tasks, timers, watches and a conversation on its console
# go on; nothing is lost and its clocks are right. Each tenth round a save is
# cancelled in the middle. ROUNDS says how many: 2, or 50 with FATA_SOAK=1.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
lab --counted
image=$B/tests/lab/lifecycle.xen
rounds=${ROUNDS:-$([ -z "${FATA_SOAK:-}" ] && echo 2 || echo 50)}

# One whole round in dom0, in one call: what it says last is "round N ok".
cat >"$tmp/round" <<'EOF'
name=$1 round=$2
log=/var/log/xen/console/guest-$name
said=/tmp/$name.said
small=/tmp/$name.small

bad()
{
  echo "round $round: $*"
  cat $said
  exit 1
}

# until SECONDS WHAT COMMAND...
until_true()
{
  local end=$(($(cut -d. -f1 /proc/uptime) + $1)) what=$2

  shift 2
  until "$@" 2>/dev/null; do
    [ "$(cut -d. -f1 /proc/uptime)" -lt $end ] || bad "waited for $what"
    usleep 50000
  done
}

key()
{
  [ "$(xenstore-read /local/domain/$id/data/$1)" = "$2" ]
}

heard()
{
  cat $log.log $log--incoming.log 2>/dev/null | tr -d '\r' |
    grep -q "^heard $1\$"
}

# The guest answers through xenstore and on its console, and its clocks are
# dom0's: the wall clock within 2 s and the time that the answer took.
talk()
{
  local before after wall word

  id=$(xl domid $name)
  before=$(date +%s)
  xenstore-write /local/domain/$id/data/ask $round-$1
  until_true 90 "an answer after $1" key answer $round-$1
  after=$(date +%s)
  wall=$(xenstore-read /local/domain/$id/data/clock)
  wall=$((${wall% *} / 1000))
  [ $wall -ge $((before - 2)) ] && [ $wall -le $((after + 2)) ] ||
    bad "$1: the guest's clock says $wall, dom0's $before to $after"
  word=$(($(cat /tmp/$name.words 2>/dev/null || echo 0) + 1))
  echo $word >/tmp/$name.words
  echo "word $word" >$(xenstore-read /local/domain/$id/console/tty)
  until_true 90 "word $word after $1" heard $word
}

talk begin
xl save $name /tmp/$name.save >$said 2>&1 || bad "xl save"
sleep ${3:-0}
xl restore /tmp/$name.save >$said 2>&1 || bad "xl restore"
rm -f /tmp/$name.save
[ "$(xl domid $name)" != $id ] || bad "the same domain after a restore"
talk restored

before=$id
xl save -c $name /tmp/$name.save >$said 2>&1 || bad "xl save -c"
rm -f /tmp/$name.save
talk checkpoint
[ $id = $before ] || bad "another domain after a checkpoint"

# a save that finds no room is cancelled while the guest is suspended
if [ $((round % 10)) = 1 ]; then
  mkdir -p $small
  mount -t tmpfs -o size=4m none $small
  xl save $name $small/save >$said 2>&1 && bad "a save without room"
  umount $small
  talk cancelled
  [ $id = $before ] || bad "another domain after a cancelled save"
fi

xl migrate -s ssh-self $name localhost >$said 2>&1 || bad "xl migrate"
talk migrated
[ $id != $before ] || bad "the same domain after a migration"
echo "round $round ok"
EOF

# numbers WORD: those of all lines "WORD N" of the guest are 1, 2, 3 ... each
# once; says how many.
numbers()
{
  console_of_all | sed -n "s/^$1 \([0-9]*\)\$/\1/p" | sort -n |
    awk -v word="$1" '
      $1 != NR { print word " " NR " is missing, or " $1 " came twice"; exit 1 }
      END { print NR }'
}

# A migrated domain's console is logged under the name it arrived with.
console_of_all()
{
  console "$domain"
  console "$domain--incoming"
}

guest a "$image"
wait_console 60 '^ready'
"$fata" lab put "$tmp/round" "/tmp/$domain.round" || broken "cannot put a file"
start=$SECONDS
for ((i = 1; i <= rounds; i++)); do
  pause=0
  [ $i != 1 ] || pause=35 # longer than what the guest takes for a gap
  out=$(timeout 900 "$fata" lab exec \
    "sh /tmp/$domain.round $domain $i $pause" </dev/null) ||
    fail "$out $(console_of_all | grep -a WRONG)"
  note "$out, $((SECONDS - start)) s"
done

dom0 "xl shutdown -w $domain" >"$tmp/said" 2>&1 || fail "xl shutdown"
expect_match "what xl saw" "$(cat "$tmp/said")" 'reason code 0'
console_of_all >"$tmp/console"
expect_match "its last words" "$(cat "$tmp/console")" 'suspends .*, all well'
grep -E '^ticks|^resumed 1 ' "$tmp/console" | sed 's/^/# /'
lines=$(numbers line) || fail "$lines"
words=$(numbers heard) || fail "$words"
cancelled=$(((rounds + 9) / 10))
expect "words of the conversation" "$words" $((rounds * 4 + cancelled))
suspends=$(grep -cE '^(resumed|same) ' "$tmp/console")
expect "suspends" "$suspends" $((rounds * 3 + cancelled))
expect "cancelled ones and checkpoints" "$(grep -c '^same ' "$tmp/console")" \
  $((rounds + cancelled))
# the first pause of 35 s: in the wall clock, not in the monotonic one
read -r mono wall < <(sed -n 's/^resumed 1 .* mono \(.*\) wall \(.*\)/\1 \2/p' \
  "$tmp/console")
[ "$wall" -ge 35000 ] || fail "the wall clock went on by $wall ms in 35 s"
[ "$mono" -lt 30000 ] || fail "the monotonic clock went on by $mono ms"
note "$rounds rounds, $suspends suspends, $lines lines, $words words"
