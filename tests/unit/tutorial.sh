#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tutorial.sh - the commands of docs/tutorial.md, but for those that need Xen
# (tests/lab/tutorial.sh).

# shellcheck source=tests/unit/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/tutorial.sh
. "$source/tests/lib/tutorial.sh"

PATH=$build:$PATH
command -v gdb >/dev/null || { echo "no gdb"; exit 77; }
tutorial "$source/docs/tutorial.md"
finish
