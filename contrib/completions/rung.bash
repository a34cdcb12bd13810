# bash completion for rung                               -*- shell-script -*-
# Written by contrib/gen from rung's command line; do not edit.

# _rung_flags COMMAND: its flags, of no command the global ones.
_rung_flags() {
	case $1 in
	'') echo '--root --log --log-format --log-level --debug --image-dir --strict --allow --systemd-cgroup --cgroup-manager --rootless --version -v --help -h' ;;
	'check') echo '--format -f --help -h' ;;
	'checkpoint') echo '--image-path --work-path --tcp-established --ext-unix-sk --shell-job --lazy-pages --file-locks --manage-cgroups-mode --empty-ns --auto-dedup --parent-path --leave-running --tcp-skip-in-flight --link-remap --status-fd --page-server --pre-dump --help -h' ;;
	'create') echo '--bundle -b --config -f --console-socket --pidfd-socket --pid-file --no-pivot --no-new-keyring --preserve-fds --no-subreaper --timeline --help -h' ;;
	'delete') echo '--force -f --regex -r --help -h' ;;
	'events') echo '--interval --stats --format -f --help -h' ;;
	'exec') echo '--console-socket --pidfd-socket --cwd --env -e --tty -t --user -u --additional-gids -g --process -p --detach -d --pid-file --process-label --apparmor --no-new-privs --cap -c --preserve-fds --cgroup --ignore-paused --timeline --help -h' ;;
	'features') echo '--help -h' ;;
	'kill') echo '--all -a --regex -r --help -h' ;;
	'list') echo '--format -f --quiet -q --help -h' ;;
	'pause') echo '--help -h' ;;
	'plan') echo '--bundle -b --config -f --help -h' ;;
	'ps') echo '--format -f --help -h' ;;
	'restore') echo '--image-path --work-path --tcp-established --ext-unix-sk --shell-job --lazy-pages --file-locks --manage-cgroups-mode --empty-ns --auto-dedup --bundle -b --console-socket --detach -d --pid-file --no-subreaper --no-pivot --lsm-profile --lsm-mount-context --help -h' ;;
	'resume') echo '--help -h' ;;
	'run') echo '--bundle -b --config -f --console-socket --pidfd-socket --pid-file --no-pivot --no-new-keyring --preserve-fds --no-subreaper --detach -d --keep --timeline --help -h' ;;
	'spec') echo '--bundle -b --file -f --rootless --help -h' ;;
	'start') echo '--help -h' ;;
	'state') echo '--format -f --help -h' ;;
	'update') echo '--resources -r --blkio-weight --cpu-period --cpu-quota --cpu-burst --cpu-share --cpu-rt-period --cpu-rt-runtime --cpuset-cpus --cpuset-mems --cpu-idle --memory --memory-reservation --memory-swap --pids-limit --l3-cache-schema --mem-bw-schema --help -h' ;;
	esac
}

# _rung_kind COMMAND:FLAG, with one dash, or COMMAND:INDEX of an argument: what
# the value is; nothing of a flag without one.
_rung_kind() {
	case $1 in
	:-root) echo 'dir' ;;
	:-log) echo 'file' ;;
	:-log-format) echo 'words text json' ;;
	:-log-level) echo 'words error warning info debug' ;;
	:-image-dir) echo 'dir' ;;
	:-allow) echo 'any' ;;
	:-cgroup-manager) echo 'words cgroupfs systemd disabled' ;;
	:-rootless) echo 'words true false auto' ;;
	check:-format|check:-f) echo 'words table json' ;;
	checkpoint:-image-path) echo 'dir' ;;
	checkpoint:-work-path) echo 'dir' ;;
	checkpoint:-manage-cgroups-mode) echo 'words soft full strict ignore' ;;
	checkpoint:-empty-ns) echo 'any' ;;
	checkpoint:-parent-path) echo 'dir' ;;
	checkpoint:-status-fd) echo 'any' ;;
	checkpoint:-page-server) echo 'any' ;;
	checkpoint:0) echo 'ids' ;;
	create:-bundle|create:-b) echo 'dir' ;;
	create:-config|create:-f) echo 'file' ;;
	create:-console-socket) echo 'file' ;;
	create:-pidfd-socket) echo 'file' ;;
	create:-pid-file) echo 'file' ;;
	create:-preserve-fds) echo 'any' ;;
	create:-timeline) echo 'file' ;;
	delete:0) echo 'ids' ;;
	events:-interval) echo 'any' ;;
	events:-format|events:-f) echo 'words table json' ;;
	events:0) echo 'ids' ;;
	exec:-console-socket) echo 'file' ;;
	exec:-pidfd-socket) echo 'file' ;;
	exec:-cwd) echo 'dir' ;;
	exec:-env|exec:-e) echo 'any' ;;
	exec:-user|exec:-u) echo 'any' ;;
	exec:-additional-gids|exec:-g) echo 'any' ;;
	exec:-process|exec:-p) echo 'file' ;;
	exec:-pid-file) echo 'file' ;;
	exec:-process-label) echo 'any' ;;
	exec:-apparmor) echo 'any' ;;
	exec:-cap|exec:-c) echo 'any' ;;
	exec:-preserve-fds) echo 'any' ;;
	exec:-cgroup) echo 'any' ;;
	exec:-timeline) echo 'file' ;;
	exec:0) echo 'ids' ;;
	kill:0) echo 'ids' ;;
	kill:1) echo 'words HUP INT QUIT KILL USR1 USR2 TERM CONT STOP' ;;
	list:-format|list:-f) echo 'words table json' ;;
	pause:0) echo 'ids' ;;
	plan:-bundle|plan:-b) echo 'dir' ;;
	plan:-config|plan:-f) echo 'file' ;;
	plan:0) echo 'dir' ;;
	ps:-format|ps:-f) echo 'words table json' ;;
	ps:0) echo 'ids' ;;
	restore:-image-path) echo 'dir' ;;
	restore:-work-path) echo 'dir' ;;
	restore:-manage-cgroups-mode) echo 'words soft full strict ignore' ;;
	restore:-empty-ns) echo 'any' ;;
	restore:-bundle|restore:-b) echo 'dir' ;;
	restore:-console-socket) echo 'file' ;;
	restore:-pid-file) echo 'file' ;;
	restore:-lsm-profile) echo 'any' ;;
	restore:-lsm-mount-context) echo 'any' ;;
	resume:0) echo 'ids' ;;
	run:-bundle|run:-b) echo 'dir' ;;
	run:-config|run:-f) echo 'file' ;;
	run:-console-socket) echo 'file' ;;
	run:-pidfd-socket) echo 'file' ;;
	run:-pid-file) echo 'file' ;;
	run:-preserve-fds) echo 'any' ;;
	run:-timeline) echo 'file' ;;
	spec:-bundle|spec:-b) echo 'dir' ;;
	spec:-file|spec:-f) echo 'file' ;;
	start:0) echo 'ids' ;;
	state:-format|state:-f) echo 'words table json' ;;
	state:0) echo 'ids' ;;
	update:-resources|update:-r) echo 'file' ;;
	update:-blkio-weight) echo 'any' ;;
	update:-cpu-period) echo 'any' ;;
	update:-cpu-quota) echo 'any' ;;
	update:-cpu-burst) echo 'any' ;;
	update:-cpu-share) echo 'any' ;;
	update:-cpu-rt-period) echo 'any' ;;
	update:-cpu-rt-runtime) echo 'any' ;;
	update:-cpuset-cpus) echo 'any' ;;
	update:-cpuset-mems) echo 'any' ;;
	update:-cpu-idle) echo 'any' ;;
	update:-memory) echo 'any' ;;
	update:-memory-reservation) echo 'any' ;;
	update:-memory-swap) echo 'any' ;;
	update:-pids-limit) echo 'any' ;;
	update:-l3-cache-schema) echo 'any' ;;
	update:-mem-bw-schema) echo 'any' ;;
	update:0) echo 'ids' ;;
	esac
}

_rung() {
	local cur=${COMP_WORDS[COMP_CWORD]} command='' kind='' word i n=0 commands='check checkpoint create delete events exec features kill list pause plan ps restore resume run spec start state update'
	local -a root=()
	COMPREPLY=()

	# What stands before the cursor: a command, its arguments' number, and in
	# kind the value that is expected now. Bash may cut --flag=value at the "=".
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		=) ;;
		-*=*)
			[[ $command || $word != -*root=* ]] || root=(--root "${word#*=}")
			;;
		-?*)
			kind=$(_rung_kind "$command:${word/#--/-}")
			[[ $kind ]] || continue
			[[ ${COMP_WORDS[i + 1]} != = ]] || ((i + 1 >= COMP_CWORD)) || ((i++))
			((i++))
			if ((i < COMP_CWORD)); then
				[[ $command || $word != -*root ]] || root=(--root "${COMP_WORDS[i]}")
				kind=''
			fi
			;;
		*)
			if [[ ! $command ]]; then
				command=$word
			else
				((n++))
			fi
			;;
		esac
	done
	[[ $cur != = || ! $kind ]] || cur=''

	if [[ ! $kind && $cur == -*=* ]]; then
		word=${cur%%=*}
		kind=$(_rung_kind "$command:${word/#--/-}")
		cur=${cur#*=}
	elif [[ ! $kind && $cur == -* ]]; then
		case $command in
		exec | ps) ((n == 0)) || return 0 ;; # another program's
		esac
		mapfile -t COMPREPLY < <(compgen -W "$(_rung_flags "$command")" -- "$cur")
		return 0
	elif [[ ! $kind && ! $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands help" -- "$cur")
		return 0
	elif [[ ! $kind && $command == help ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
		return 0
	elif [[ ! $kind ]]; then
		kind=$(_rung_kind "$command:$n")
	fi

	case $kind in
	dir)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		;;
	file)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	words\ *)
		mapfile -t COMPREPLY < <(compgen -W "${kind#words }" -- "$cur")
		;;
	ids)
		mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" "${root[@]}" list -q 2>/dev/null)" -- "$cur")
		;;
	esac
}

complete -F _rung rung
