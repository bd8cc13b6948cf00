#!/bin/bash
# SPDX-License-Identifier: ISC
#
# core.sh - the core of a crashed guest, written by xl, opens in gdb with names,
# variables and the place of the crash. xl tries every page number up to 4 GiB,
# which takes many minutes in an emulated lab: then only with FATA_SOAK=1.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
command -v gdb >/dev/null || skip "no gdb"
# shellcheck disable=SC2119 # no options
lab
if [ -z "${FATA_SOAK:-}" ] && ! "$fata" lab status | grep -qi kvm; then
  skip "xl takes minutes to write a core in an emulated lab (FATA_SOAK=1)"
fi
test_guest
guest core "$image" 'memory = 8' 'on_crash = "coredump-destroy"' \
  'extra = "die"'
core=/var/lib/xen/dump/$domain
wait_for 9000 "xl to write the core" "[ -e $core ] && ! xl domid $domain"
"$fata" lab get "$core" "$tmp/xen.core" || fail "cannot get the core"
dom0 "rm -f '$core'"
"$fata" core "$tmp/xen.core" "$tmp/core" || fail "fata core"
gdb -batch -nx -ex bt -ex 'print die_number' -ex 'info threads' \
  "$image" "$tmp/core" >"$tmp/gdb" 2>&1 || fail "gdb: $(tail -3 "$tmp/gdb")"
expect_match "where it died" "$(cat "$tmp/gdb")" '^#8 .* third'
expect_match "who called it" "$(cat "$tmp/gdb")" '^#10 .* die'
expect_match "a variable" "$(cat "$tmp/gdb")" '= 4712'
