#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tutorial.sh - the commands of docs/tutorial.md, but for those that need Xen
# (tests/lab/tutorial.sh).

# The page's port is always the same: a network of our own, where that is allowed.
if [ -z "${own_network:-}" ] && unshare -rn ip link set lo up 2>/dev/null; then
	own_network=1 exec unshare -rn sh -c 'ip link set lo up; exec bash "$0"' "$0"
fi
# shellcheck source=tests/unit/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/tutorial.sh
. "$source/tests/lib/tutorial.sh"

PATH=$build:$PATH
command -v gdb >/dev/null || { echo "no gdb"; exit 77; }
tutorial "$source/docs/tutorial.md"
finish
