# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# tutorial.sh - does what a page of docs tells its reader to do.
#
#	tutorial FILE.md [KIND]   in the current folder and shell
#
# Blocks of the page, by what stands behind the three backquotes:
#
#	sh           commands; the last must succeed
#	sh fails     the last must fail
#	sh KIND      only if KIND is given; else it is left out, its text too
#	c NAME, conf NAME    a file to be written
#	diff NAME    a change to a file
#	text         lines that what ran before must have printed; ... is anything
#
# The numbers of failing runs change with the code: "seed 11" stands for the
# one that was found.

# shellcheck disable=SC2034 # used by eval

tutorial_split() { # FILE: block-NNN with its kind in the first line
	awk '/^```/ && !inside { inside = 1; name = sprintf("block-%03d", ++n)
			print substr($0, 4) >name; next }
		/^```/ { inside = 0; close(name); next }
		inside { print >name }' "$1"
}

# Each wanted line is in the output; prints those that are not.
tutorial_compare() { # OUTPUT WANTED
	local line pattern bad=0
	while IFS= read -r line; do
		# shellcheck disable=SC2001
		pattern=$(sed 's/[][\\.*^$]/\\&/g; s/\\\.\\\.\\\./.*/g' <<<"$line")
		grep -q -- "$pattern" "$1" && continue
		echo "# missing: $line"
		bad=1
	done <"$2"
	[ $bad = 0 ] || sed 's/^/#   /' "$1"
	return $bad
}

# The page's number in words, files and expectations becomes the one found.
tutorial_seed() { # OUTPUT
	local found
	found=$(sed -n 's/^seed \([0-9]*\) failed.*/\1/p' "$1" | head -n 1)
	[ -z "$found" ] || [ -n "${tutorial_found:-}" ] || tutorial_found=$found
}

tutorial() {
	local tutorial_block tutorial_kind tutorial_word tutorial_status
	local tutorial_at=$PWD/.tutorial tutorial_ran=
	mkdir -p "$tutorial_at"
	(cd "$tutorial_at" && tutorial_split "$1")
	for tutorial_block in "$tutorial_at"/block-*; do
		[ -z "${tutorial_found:-}" ] || sed -i "s/seed 11/seed $tutorial_found/
			s/seed-11/seed-$tutorial_found/
			s/^11 runs/$tutorial_found runs/" "$tutorial_block"
		read -r tutorial_kind tutorial_word <"$tutorial_block"
		sed 1d "$tutorial_block" >"$tutorial_at/body"
		case $tutorial_kind in
		sh)
			tutorial_ran=
			[ -z "$tutorial_word" ] || [ "$tutorial_word" = fails ] ||
				[ "$tutorial_word" = "${2:-}" ] || continue
			tutorial_ran=1
			eval "$(cat "$tutorial_at/body")" \
				>"$tutorial_at/out" 2>&1 </dev/null
			tutorial_status=$?
			[ "$tutorial_word" != fails ] ||
				tutorial_status=$((!tutorial_status))
			tutorial_seed "$tutorial_at/out"
			[ $tutorial_status = 0 ] || sed 's/^/#   /' "$tutorial_at/out"
			check "$(head -n 1 "$tutorial_at/body")" \
				test $tutorial_status = 0
			;;
		c | conf) cp "$tutorial_at/body" "$tutorial_word" ;;
		diff)
			check "change to $tutorial_word" \
				patch -s "$tutorial_word" "$tutorial_at/body"
			;;
		text)
			[ -z "$tutorial_ran" ] || {
				[ -z "${tutorial_found:-}" ] ||
					sed -i "s/^11 runs/$tutorial_found runs/
					s/seed 11/seed $tutorial_found/
					s/seed-11/seed-$tutorial_found/" "$tutorial_at/body"
				check "prints: $(head -n 1 "$tutorial_at/body")" \
					tutorial_compare "$tutorial_at/out" \
					"$tutorial_at/body"
			}
			;;
		esac
	done
}
