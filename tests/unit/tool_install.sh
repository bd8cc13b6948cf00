#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tool_install.sh - an installed tree works wherever it is moved, and without
# the build folder.

# shellcheck disable=SC2317 # functions are called through `check`
# shellcheck source=tests/unit/lib.sh
. "$(dirname "$0")/lib.sh"

install_tree()
{
	(cd "$source" && scripts/install.sh "$build" 9.9 "$tmp/dest" /opt/fata)
}
check "installs" install_tree
mv dest/opt/fata moved || exit 99
new=$tmp/moved/bin/fata
echo 'int main(void) { return 0; }' >p.c
check "compiles" "$new" cc -O2 p.c -o p.xen
check "with its own headers and libraries" sh -c \
	"! '$new' cc -v p.c -o q.xen 2>&1 | grep -qF '$build/'"
check "the image is one" sh -c "'$new' inspect p.xen | grep -q 'PVH entry'"
check "new" sh -c "'$new' new greeter >out && grep -q 'cd greeter' out"
check "its make" make -s -C greeter FATA="$new"
check "the image" test -x greeter/greeter.xen
refused 1 'greeter exists already' "$new" new greeter
refused 2 "'a b' is no name" "$new" new 'a b'
refused 1 'cannot make none/x' "$new" new none/x
check "no folder is left" test ! -e none
check "manual" test -s moved/share/man/man1/fata.1
check "lab" test -x moved/share/fata/lab/build.sh
check "pkg-config" grep -qx 'prefix=/opt/fata' moved/share/pkgconfig/fata.pc
check "its version" grep -qx 'Version: 9.9' moved/share/pkgconfig/fata.pc
# shellcheck disable=SC2016 # in the inner shell
check "completion" bash -c '. moved/share/bash-completion/completions/fata
	COMP_WORDS=(fata ins) COMP_CWORD=1; _fata; [ "${COMPREPLY[*]}" = inspect ]'
finish
