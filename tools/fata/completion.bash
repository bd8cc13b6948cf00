# SPDX-License-Identifier: ISC
# Completion of fata(1) for bash: commands, options, image files, and the boot
# parameters that an image itself declares.

# the image on the command line, if it is there already
_fata_image()
{
	local i
	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i - 1]} in
		--name | --memory | --net | --block | --block-ro | --folder | --ramdisk | \
			--on-crash | --tsc-mode | --set | --config | --timeout | \
			--forward | --pcap | --format | --target | -n | -m | -t) continue ;;
		esac
		case ${COMP_WORDS[i]} in
		-*) ;;
		*)
			echo "${COMP_WORDS[i]}"
			return
			;;
		esac
	done
}

_fata()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local guest="--name --memory --net --block --block-ro --folder --ramdisk
		--on-crash --tsc-mode --set --config --help"
	local words= image
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		words="cc c++ run config inspect core trace sim new lab help --help --version"
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
	fi
	case $prev in
	--on-crash) words="destroy preserve coredump-destroy" ;;
	--tsc-mode) words="default always_emulate native" ;;
	--format) words="xl libvirt" ;;
	-t | --target) words="xen unix" ;;
	esac
	if [ -n "$words" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		return
	fi
	case ${COMP_WORDS[1]} in
	run | config)
		image=$(_fata_image)
		if [ -n "$image" ]; then
			words="--help $("${COMP_WORDS[0]}" inspect --params \
				"$image" 2>/dev/null |
				grep -oE '^  (--(\[no-\])?[a-z0-9-]+=?|-[a-z])' |
				sed 's/\[no-\]//')"
		elif [ "${COMP_WORDS[1]}" = run ]; then
			words="$guest --xl --lab --timeout --forward --pcap
				--verbose -t"
		else
			words="$guest --format"
		fi
		;;
	sim)
		words="--seed --seeds --until-failure --jobs --cc= --duration
			--out --no-pcap --snaplen --keep-going --patience
			--spread --wrap --verbose --help"
		;;
	inspect) words="--json --params --help" ;;
	trace) words="-o --help" ;;
	lab)
		[ "$COMP_CWORD" != 2 ] ||
			words="up down status exec put get console forward log"
		;;
	help) words="cc c++ run config inspect core trace sim new lab" ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur"
		[[ $cur == -* ]] || compgen -f -- "$cur")
}

complete -o filenames -F _fata fata
