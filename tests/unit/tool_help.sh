#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tool_help.sh - what `fata COMMAND --help` names stands in the manual and in
# both completions, and each command refuses nonsense in one line.

# shellcheck disable=SC2317 # functions are called through `check`
# shellcheck source=tests/unit/lib.sh
. "$(dirname "$0")/lib.sh"
manual=$source/docs/man/fata.1
bash=$source/tools/fata/completion.bash
zsh=$source/tools/fata/completion.zsh

commands=$("$fata" --help | sed -n 's/^  \([a-z+]*\) .*/\1/p')
check "commands" matches "$commands" '^trace$'
for c in $commands; do
	"$fata" "$c" --help >help
	check "$c: help" same $? 0
	check "$c: help by the other name" cmp help <("$fata" help "$c")
	check "$c: in the manual" grep -qE "^\.Ss fata ${c/c++/cc}\$" "$manual"
	check "$c: bash" grep -qF " $c " \
		<(sed -n 's/words="cc c++/ cc c++/p; s/"/ /g' "$bash")
	check "$c: zsh" grep -qF "'$c:" "$zsh"
	[ "$c" != lab ] || for w in $(sed -n 's/.*fata lab \([a-z]*\).*/\1/p' help); do
		check "lab $w: in the manual" grep -qE "Cm $w\b" "$manual"
		check "lab $w: bash" grep -qE "[\" ]${w}[ \"]" "$bash"
		check "lab $w: zsh" grep -qE "[( ]${w}[ )]" "$zsh"
	done
	for o in $(grep -oE '^  (-., )?--[a-z-]+|\[--[a-z]+' help |
		sed 's/.*--/--/' ); do
		case $c:$o in *:--help | c++:*) continue ;; esac
		check "$c $o: in the manual" grep -qE -- "Fl (t |v )?${o#-}\b" \
			<(sed "s/, -/ Fl -/g; s/| -/Fl -/g" "$manual")
		# the compiler's completion, and lab's, are those of file names
		case $c in cc | lab) continue ;; esac
		check "$c $o: bash" grep -qE -- "[ 	\"]$o\b" "$bash"
		check "$c $o: zsh" grep -qE -- "[}',*)]$o\b" "$zsh"
	done
done
if command -v mandoc >/dev/null; then
	check "the manual's syntax" mandoc -T lint -W error "$manual"
elif command -v groff >/dev/null; then
	check "the manual's syntax" same \
		"$(groff -mandoc -Tascii -z -ww "$manual" 2>&1)" ''
fi

# --- nonsense --------------------------------------------------------------

for c in $commands; do
	case $c in cc | c++ | core | lab) continue ;; esac
	refused 2 "^fata: (unknown option )?.*--no-such" "$fata" "$c" --no-such
done
refused 2 "^fata: .*frobnicate" "$fata" frobnicate
refused 2 "^fata: .*frobnicate" "$fata" help frobnicate
refused 2 "^fata: lab: .*frobnicate" "$fata" lab frobnicate
refused 2 "^fata: lab: .*--no-such" "$fata" lab up --no-such
refused 2 "^fata: lab: .*--memory" "$fata" lab up --memory
refused 2 "^fata: lab: .*12x" "$fata" lab up --memory 12x
refused 2 "^fata: lab: .*--cpus" "$fata" lab up --cpus 99
refused 2 "^fata: lab: " "$fata" lab put one
refused 2 "^fata: lab: " "$fata" lab exec
refused 2 "^fata: lab: .*0" "$fata" lab forward 0 10.0.2.20:80
refused 2 "^fata: lab: .*here" "$fata" lab forward 80 here
refused 1 "^fata: lab: none has run in $tmp/run" \
	env FATA_LAB_RUN="$tmp/run" "$fata" lab log
refused 1 "^fata: lab: no lab runs; start one" \
	env FATA_LAB_RUN="$tmp/run" "$fata" lab exec true
refused 2 "^fata: .*image" "$fata" inspect
refused 2 "^fata: .*" "$fata" trace
refused 1 "^fata: .*none: No such file" "$fata" trace none
refused 2 "^fata: .*" "$fata" new
refused 2 "^fata: .*" "$fata" core
finish
