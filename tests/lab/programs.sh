#!/bin/bash
# SPDX-License-Identifier: ISC
#
# programs.sh - other people's programs as guests, unchanged, from Debian's
# source packages, built with an installed SDK: Lua by one command, SQLite and
# zlib by their own configure, mbedTLS by CMake.

# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$(dirname "$0")/../.." || exit 99
here=tests/lab/programs
# shellcheck source=tests/lab/programs/fetch.sh
. $here/fetch.sh

# --- built -----------------------------------------------------------------

install_sdk || broken "the SDK cannot be installed"
# shellcheck disable=SC2086 # several words
build_lua "$tmp/lua.xen" $sdk_cc || fail "Lua does not build"
build_sqlite || fail "SQLite does not build"
build_zlib || fail "zlib does not build"
build_mbedtls || fail "mbedTLS does not build"
note "built in $SECONDS s"

# --- run ---------------------------------------------------------------------

# shellcheck disable=SC2119 # no options
lab

# module FILE: a line for the configuration that makes it /boot/module0
module()
{
  "$fata" lab put "$1" "/tmp/$(basename "$1")" || broken "cannot put $1"
  echo "ramdisk = \"/tmp/$(basename "$1")\""
}

# runs NAME IMAGE SECONDS LINE...: it ends well; sets $output, makes $tmp/raw
runs()
{
  local name=$1 image=$2 limit=$3 start=$SECONDS

  shift 3
  guest "$name" "$image" 'memory = 64' "$@"
  wait_end "$limit"
  dom0 "cat /var/log/xen/console/guest-$domain.log" >"$tmp/raw"
  output=$(tr -d '\r\0' <"$tmp/raw")
  expect "how $name ended" "$(end_reason)" 0
  destroy "$domain"
  note "$name: $((SECONDS - start)) s"
}

runs lua "$tmp/lua.xen" 60 "$(module $here/test.lua)" 'memory = 128' \
  'extra = "/boot/module0 one two"'
expect_match "arguments" "$output" '^arguments	one	two'
expect_match "numbers" "$output" '^1000	100	3.142'
expect_match "a module" "$output" '^42	true'
expect_match "a file" "$output" '^22	return'
expect_match "coroutines, errors" "$output" '^1	2	3	false	oops'
expect_match "recursion" "$output" '^10000	stack overflow'

# The prompt, typed at.
guest prompt "$tmp/lua.xen" 'memory = 64'
wait_console 30 '^> '
tty=$(dom0 "xenstore-read /local/domain/\$(xl domid $domain)/console/tty")
dom0 "printf 'x = 6 * 7\nprint(x, \"typed\")\nerror(\"bad\")\nos.exit()\n' >$tty"
wait_end 30
output=$(console "$domain")
expect "how the prompt ended" "$(end_reason)" 0
expect_match "the answer" "$output" '42	typed'
expect_match "an error" "$output" 'stdin:1: bad'
destroy "$domain"

sqlite=$programs/sqlite3
runs sqlite "$sqlite/sqlite3" 60 "$(module $here/test.sql)" \
  'extra = "-- -bail /tmp/test.db \".read /boot/module0\""'
expect_match "a query" "$output" '^1334\|row 998\|39782\.288'
expect_match "integrity" "$output" '^ok$'
expect_match "an index" "$output" '^i$'
runs speedtest1 "$sqlite/speedtest1" 120 'extra = "-- --size 2 /tmp/speed.db"'
expect_match "speedtest1" "$output" '^ *TOTAL\.+ +[0-9.]+s'

runs zlib "$programs/zlib/example" 60
expect_match "zlib's tests" "$output" '^large_inflate\(\): OK'
expect_match "zlib's last" "$output" '^inflate with dictionary: hello, hello!'
# minigzip's output is a host's, byte for byte, and it reads what gzip wrote. (A
# terminal is between it and the log: returns come and go.)
seq 1 300 >"$tmp/numbers"
gcc -O1 -w -DZ_HAVE_UNISTD_H -I"$programs/zlib" "$programs"/zlib/*.c \
  "$programs/zlib/test/minigzip.c" -o "$tmp/minigzip" ||
  broken "no minigzip for this host"
"$tmp/minigzip" -c "$tmp/numbers" | tr -d '\r' >"$tmp/numbers.gz"
runs minigzip "$programs/zlib/minigzip" 60 "$(module "$tmp/numbers")" \
  'extra = "-- -c /boot/module0"'
cmp <(tr -d '\r' <"$tmp/raw" | head -c "$(wc -c <"$tmp/numbers.gz")") \
  "$tmp/numbers.gz" || fail "minigzip's output"
gzip -c "$tmp/numbers" >"$tmp/packed.gz"
runs unpack "$programs/zlib/minigzip" 60 "$(module "$tmp/packed.gz")" \
  'extra = "-- -c -d /boot/module0"'
expect "unpacked" "$(head -n 300 <<<"$output")" "$(cat "$tmp/numbers")"

# its test of time spins until a handler of SIGALRM has run
runs selftest "$programs/mbedtls/b/programs/test/selftest" 150
expect_match "mbedTLS's tests" "$output" '\[ All tests PASS \]'
[ -n "${FATA_SOAK:-}" ] || exit 0

# --- more of them, for who has the time ---------------------------------------

# shellcheck disable=SC2086 # several words
build_mujs "$tmp/mujs.xen" $sdk_cc || fail "mujs does not build"
runs mujs "$tmp/mujs.xen" 60 "$(module $here/test.js)" 'extra = "/boot/module0"'
expect_match "recursion, sorting" "$output" '^2584 0 20010'
expect_match "JSON" "$output" '^\{"a":\[1,2.5,"x"\],"b":null\}'
expect_match "expressions, numbers" "$output" '^20 1\.414214'
expect_match "an exception" "$output" '^caught TypeError'
expect_match "dates" "$output" '^1970-01-01T00:00:00'
build_zstd || fail "zstd does not build"
runs zstd "$programs/libzstd/tests/poolTests" 60
expect_match "zstd's threads" "$output" '^PASS: all POOL tests'
