#!/bin/bash
# SPDX-License-Identifier: ISC
#
# net_scope.sh - link-local addresses with a scope: a guest with two interfaces
# gets the same answers from its sockets as the same program from dom0's Linux,
# on the other ends of the same two links.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lab/net/lib.sh
. "$(dirname "$0")/net/lib.sh"
# shellcheck disable=SC2119 # no options
lab
put "$B/tests/lab/dom0/scope" /root/scope
own_bridge
first=$bridge
own_bridge fatabr1 10.9.1.1

guest a "$B/tests/lab/net_scope.xen" \
  "vif = ['bridge=$first', 'bridge=$bridge']" \
  'cmdline = "--ip lan=none --ip wan=none -- lan wan"'
wait_console 30 'status 0'
console "$domain" | grep -v '^\[' >"$tmp/all"
grep -v '^name:\|^name of no' "$tmp/all" >"$tmp/fata"
expect "names" "$(grep '^name:\|^name of no' "$tmp/all")" \
  "name: scope A, back the same
name of no interface: EAI_NONAME"
dom0 "/root/scope $first $bridge" >"$tmp/linux"
grep -q 'own %A: 0' "$tmp/linux" || broken "no scopes in dom0: $(cat "$tmp/linux")"
diff "$tmp/linux" "$tmp/fata" >"$tmp/diff" ||
  fail "Linux's answers (<) and ours (>): $(cat "$tmp/diff")"
note "$(wc -l <"$tmp/fata") answers, as Linux's"
exit 0
