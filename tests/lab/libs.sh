#!/bin/bash
# SPDX-License-Identifier: ISC
#
# libs.sh - Debian's static libraries, as they are, in guests: Lua, SQLite,
# mbedTLS with zlib, libstdc++.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
pkg=$B/pkg/libs
"$here/../../scripts/pkg.sh" "$pkg" liblua5.4-dev libsqlite3-dev zlib1g-dev \
  libmbedtls-dev || broken "no packages"
lib=$pkg/usr/lib/x86_64-linux-gnu
include="-I$pkg/usr/include -I$pkg/usr/include/lua5.4 \
-I$pkg/usr/include/x86_64-linux-gnu"
# shellcheck disable=SC2119 # no options
lab

# runs NAME PATTERN WORD...: the image links and its guest prints this.
runs()
{
  local name=$1 pattern=$2

  shift 2
  # shellcheck disable=SC2086 # $include is several words
  "$fata" cc -O2 $include -L"$lib" "$@" -o "$tmp/$name.xen" ||
    fail "$name does not link"
  guest "$name" "$tmp/$name.xen" 'memory = 64'
  wait_end 60
  expect_match "$name" "$(console "$domain")" "$pattern"
  expect "how $name ended" "$(end_reason)" 0
  destroy "$domain"
  note "$name"
}

runs lua '^1	2	3	oops' "$here/libs/lua.c" -llua5.4
runs sqlite '^ok' "$here/libs/sqlite.c" -lsqlite3
runs mbedtls '^all good' "$here/libs/mbedtls.c" -lmbedtls -lmbedx509 \
  -lmbedcrypto -lz
# libstdc++ comes for glibc only, and so do its headers.
if command -v g++ >/dev/null; then
  g++ -O2 -std=c++17 -fno-pie -c "$here/libs/cpp.cc" -o "$tmp/cpp.o" ||
    broken "g++ fails"
  runs cpp '^out of range' "$tmp/cpp.o" "$(g++ -print-file-name=libstdc++.a)" \
    "$(g++ -print-file-name=libgcc_eh.a)"
fi
