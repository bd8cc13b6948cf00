#compdef fata
# SPDX-License-Identifier: ISC
# Completion of fata(1) for zsh.

_fata_guest=(
	'--name[name of the guest]:name'
	'--memory[memory of the guest]:size'
	'*--net[join an interface to a bridge]:NAME=BRIDGE'
	'*--block[file behind a disk]:NAME=FILE'
	'*--block-ro[the same, read-only]:NAME=FILE'
	'*--folder[a folder of the host, shared as NAME]:NAME=FOLDER'
	'--ramdisk[boot module]:file:_files'
	'--on-crash[what becomes of a crashed guest]:action:(destroy preserve coredump-destroy)'
	'--tsc-mode[time-stamp counter]:mode:(default always_emulate native)'
	'*--set[line of xl.cfg]:line'
	'--config[file with lines of xl.cfg]:file:_files'
	'--help[usage]'
)

_fata()
{
	local -a commands
	commands=(
		'cc:compile and link C into an image'
		'c++:the same for C++'
		'run:run an image on Xen, or in the lab without one'
		'config:print an image'\''s xl or libvirt configuration'
		'inspect:show what an image holds and asks for'
		'core:make a dump of a guest readable for gdb'
		'trace:draw a trace of a guest as a timeline'
		'sim:run many programs in one virtual time'
		'new:start a program of your own'
		'lab:a real Xen in QEMU\: start, use, end it'
		'help:usage of a command'
	)
	if ((CURRENT == 2)); then
		_describe command commands
		return
	fi
	local command=$words[2]
	shift words
	((CURRENT--))
	case $command in
	run)
		_arguments $_fata_guest '(--lab)--xl[the Xen of this machine]' \
			'(--xl)--lab[the Xen in QEMU]' \
			'--timeout[end it after a time]:time' \
			'*--forward[a port here leads to the guest]:PORT\:GUEST-PORT' \
			'--pcap[capture its traffic]:file:_files' \
			'(-v --verbose)'{-v,--verbose}'[show what xl says]' \
			'-t[target]:target:(xen unix)' \
			'1:image or C file:_files' '*:words for the guest:'
		;;
	config)
		_arguments $_fata_guest \
			'--format[kind of configuration]:format:(xl libvirt)' \
			'1:image:_files' '*:words for the guest:'
		;;
	inspect)
		_arguments '--json[as JSON]' '--params[boot parameters only]' \
			'--help[usage]' '1:image:_files'
		;;
	trace)
		_arguments '-o[write there]:file:_files' '--help[usage]' \
			'1:console output or ring:_files'
		;;
	sim)
		_arguments '--seed[number of the run]:number' \
			'--seeds[many runs]:A..B' \
			'--until-failure[end with the first failure]' \
			'(-j --jobs)'{-j,--jobs}'[runs at a time]:number' \
			'*--cc=[option for the compiler]:option' \
			'--duration[virtual time]:time' \
			'(-o --out)'{-o,--out}'[folder for files]:folder:_files -/' \
			'--no-pcap[no captures]' '--snaplen[bytes kept]:number' \
			'--keep-going[do not end with the first failure]' \
			'--patience[real time for a node]:time' \
			'--spread[use all CPUs]' \
			'*--wrap[run a node by a command]:NODE=COMMAND' \
			'(-v --verbose)'{-v,--verbose}'[consoles on stdout]' \
			'1:topology:_files'
		;;
	lab)
		_arguments '1:command:(up down status exec put get console forward log)' \
			'*:argument:_files'
		;;
	help) _describe command commands ;;
	cc | c++ | core) _files ;;
	esac
}

_fata "$@"
