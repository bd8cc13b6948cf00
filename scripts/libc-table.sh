#!/bin/sh
# SPDX-License-Identifier: ISC
# libc-table.sh [TABLE.c]: the list of system calls in docs/libc.md, made from
# the one in src/libc/table.c. `make check` compares the two.
#
#   libc-table.sh --update    put it into docs/libc.md
set -eu
cd "$(dirname "$0")/.."
table=src/libc/table.c doc=docs/libc.md

list() {
  awk '
    /^#define [A-Z]+ "/ { name = $2; sub(/^#define [A-Z]+ /, ""); text[name] = $0 }
    /^\t\/\* .* \*\/$/ { group = $0; gsub(/^\t\/\* | \*\/$/, "", group) }
    /^\t(DONE|PART|NONE)\(/ { entry = "" ; open = 1 }
    open { entry = entry $0; if (/\),$/) { open = 0; print_entry(entry) } }
    function print_entry(e,   kind, name, note) {
      gsub(/[\t ]+/, " ", e)
      kind = substr(e, 2, 4)
      match(e, /\([a-z_0-9]+/); name = substr(e, RSTART + 1, RLENGTH - 1)
      sub(/^[^,]*, */, "", e)
      if (kind == "PART") sub(/^[^,]*, */, "", e)
      sub(/\),$/, "", e)
      note = kind == "DONE" ? "" : (e in text) ? text[e] : e
      gsub(/"/, "", note)
      if (kind == "NONE") { refused[note] = refused[note] " " name
        if (!(note in seen)) { seen[note] = 1; order[++n] = note } }
      else {
        if (group != last) printf "\n%s:\n\n| call | what is missing |\n| --- | --- |\n", group
        last = group
        printf "| %s | %s |\n", name, note
      }
    }
    END {
      print "\nRefused, with ENOSYS and one line in the log:\n\n| calls | why |\n| --- | --- |"
      for (i = 1; i <= n; i++) printf "|%s | %s |\n", refused[order[i]], order[i]
    }' "$table"
}

new=$(mktemp)
trap 'rm -f "$new"' EXIT
sed '/^<!-- table -->$/q' "$doc" >"$new"
list >>"$new"
case ${1:-} in
--update) cp "$new" "$doc" ;;
'') diff -u "$doc" "$new" >&2 || {
  echo "docs/libc.md is not what src/libc/table.c says: run scripts/libc-table.sh --update" >&2
  exit 1
} ;;
*) echo "usage: libc-table.sh [--update]" >&2; exit 2 ;;
esac
