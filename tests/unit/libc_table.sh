#!/bin/sh
# SPDX-License-Identifier: ISC
# docs/libc.md says what the table of system calls says.
cd "$(dirname "$0")/../.." || exit 1
exec scripts/libc-table.sh
