# fish completion for rung
# Written by contrib/gen from rung's command line; do not edit.

# The command on the line, if there is one yet.
function __rung_command
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word --root --log --log-format --log-level --image-dir --allow --cgroup-manager --rootless
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
            return
        end
    end
end

# The IDs of the containers below the line's --root.
function __rung_containers
    set -l words (commandline -opc)
    set -l root
    for i in (seq 2 (count $words))
        switch $words[$i]
            case --root -root
                set root --root $words[(math $i + 1)]
            case '--root=*' '-root=*'
                set root $words[$i]
        end
    end
    $words[1] $root list -q 2>/dev/null
end

complete -c rung -f

complete -c rung -n 'test -z "$(__rung_command)"' -l root -x -a '(__fish_complete_directories)' -d 'DIR of the containers\' state (default: /run/rung, or $XDG_RUNTIME_DIR/rung if not root)'
complete -c rung -n 'test -z "$(__rung_command)"' -l log -r -F -d 'log to FILE instead of stderr'
complete -c rung -n 'test -z "$(__rung_command)"' -l log-format -x -a 'text json' -d 'FORMAT of the log: text or json (default: text)'
complete -c rung -n 'test -z "$(__rung_command)"' -l log-level -x -a 'error warning info debug' -d 'least LEVEL to log: error, warning, info or debug (default: warning)'
complete -c rung -n 'test -z "$(__rung_command)"' -l debug -d 'the same as --log-level debug'
complete -c rung -n 'test -z "$(__rung_command)"' -l image-dir -x -a '(__fish_complete_directories)' -d 'make the images of first processes in DIR, not in memory'
complete -c rung -n 'test -z "$(__rung_command)"' -l strict -d 'refuse unknown properties in config.json'
complete -c rung -n 'test -z "$(__rung_command)"' -l allow -x -d 'allow annotations that can do harm: NAMES such as org.systemd.property.Slice, with commas between them'
complete -c rung -n 'test -z "$(__rung_command)"' -l systemd-cgroup -d 'the same as --cgroup-manager systemd'
complete -c rung -n 'test -z "$(__rung_command)"' -l cgroup-manager -x -a 'cgroupfs systemd disabled' -d 'MANAGER of cgroups: cgroupfs, systemd, or disabled for containers that have none (default: cgroupfs)'
complete -c rung -n 'test -z "$(__rung_command)"' -l rootless -x -a 'true false auto' -d 'VALUE true, false or auto: may containers do without cgroups? auto: if not root (default: auto)'
complete -c rung -n 'test -z "$(__rung_command)"' -l version -s v -d 'print the version'
complete -c rung -n 'test -z "$(__rung_command)"' -l help -s h -d 'show help'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a check -d 'look at the machine and say what works'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a checkpoint -d 'save a running container to files, with CRIU'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a create -d 'create a container, whose process then waits for start'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a delete -d 'remove a stopped container'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a events -d 'show the statistics of a container, and when its memory runs out'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a exec -d 'execute a process in a running container'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a features -d 'print as JSON what rung can do'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a kill -d 'send a signal to the process of a container'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a list -d 'list the containers'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a pause -d 'stop all processes of a container until resume'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a plan -d 'print the system calls that would make a container'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a ps -d 'list the processes of a container'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a restore -d 'bring a container back from files, with CRIU'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a resume -d 'let the processes of a paused container go on'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a run -d 'create and start a container'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a spec -d 'write a config.json to start from'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a start -d 'start the process of a created container'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a state -d 'print the state of a container'
complete -c rung -n 'contains -- "$(__rung_command)" "" help' -a update -d 'change the limits of a container'
complete -c rung -n 'test -z "$(__rung_command)"' -a help -d 'show help for all commands or one'

complete -c rung -n 'test "$(__rung_command)" = check' -l format -s f -x -a 'table json' -d 'FORMAT of the output: table or json (default: table)'
complete -c rung -n 'test "$(__rung_command)" = check' -l help -s h -d 'show help'

complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l image-path -x -a '(__fish_complete_directories)' -d 'DIR of the saved files (default: checkpoint in the working directory)'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l work-path -x -a '(__fish_complete_directories)' -d 'DIR of CRIU\'s logs (default: that of --image-path)'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l tcp-established -d 'allow open TCP connections'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l ext-unix-sk -d 'allow Unix sockets that are connected out of the container'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l shell-job -d 'allow the terminal of the calling shell'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l lazy-pages -d 'bring memory after the restore, when it is touched (userfaultfd)'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l file-locks -d 'allow file locks'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l manage-cgroups-mode -x -a 'soft full strict ignore' -d 'how cgroups are restored: MODE soft, full, strict or ignore (default: soft)'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l empty-ns -x -d 'restore a NAMESPACE without what is in it: network'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l auto-dedup -d 'remove memory from the images of the parent that is in newer ones'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l parent-path -x -a '(__fish_complete_directories)' -d 'DIR of an earlier --pre-dump, relative to --image-path'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l leave-running -d 'let the container run on'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l tcp-skip-in-flight -d 'leave out TCP connections that are being made'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l link-remap -d 'link files without a name back into their directory'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l status-fd -x -d 'CRIU writes a NUL to descriptor FD when lazy pages can be fetched (default: none)'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l page-server -x -d 'send memory to the page server at ADDRESS:PORT'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l pre-dump -d 'save memory only, and let the container run on'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -l help -s h -d 'show help'
complete -c rung -n 'test "$(__rung_command)" = checkpoint' -a '(__rung_containers)'

complete -c rung -n 'test "$(__rung_command)" = create' -l bundle -s b -x -a '(__fish_complete_directories)' -d 'DIR of the bundle (default: working directory)'
complete -c rung -n 'test "$(__rung_command)" = create' -l config -s f -r -F -d 'use FILE instead of the bundle\'s config.json'
complete -c rung -n 'test "$(__rung_command)" = create' -l console-socket -r -F -d 'send the terminal\'s master to the socket at PATH'
complete -c rung -n 'test "$(__rung_command)" = create' -l pidfd-socket -r -F -d 'send a pidfd of the process to the socket at PATH'
complete -c rung -n 'test "$(__rung_command)" = create' -l pid-file -r -F -d 'write the process\'s pid to FILE'
complete -c rung -n 'test "$(__rung_command)" = create' -l no-pivot -d 'change the root with chroot, not pivot_root'
complete -c rung -n 'test "$(__rung_command)" = create' -l no-new-keyring -d 'keep the session keyring'
complete -c rung -n 'test "$(__rung_command)" = create' -l preserve-fds -x -d 'pass N more file descriptors to the process'
complete -c rung -n 'test "$(__rung_command)" = create' -l no-subreaper -d 'run: do not adopt and reap what the container\'s processes leave'
complete -c rung -n 'test "$(__rung_command)" = create' -l timeline -r -F -d 'write where the start-up time went to FILE, for chrome://tracing or ui.perfetto.dev; - draws a chart on stderr'
complete -c rung -n 'test "$(__rung_command)" = create' -l help -s h -d 'show help'

complete -c rung -n 'test "$(__rung_command)" = delete' -l force -s f -d 'kill the container first; it need not exist'
complete -c rung -n 'test "$(__rung_command)" = delete' -l regex -s r -d 'ID is a regular expression: do so to all containers that it matches'
complete -c rung -n 'test "$(__rung_command)" = delete' -l help -s h -d 'show help'
complete -c rung -n 'test "$(__rung_command)" = delete' -a '(__rung_containers)'

complete -c rung -n 'test "$(__rung_command)" = events' -l interval -x -d 'TIME between statistics (default: 5s)'
complete -c rung -n 'test "$(__rung_command)" = events' -l stats -d 'show the statistics once'
complete -c rung -n 'test "$(__rung_command)" = events' -l format -s f -x -a 'table json' -d 'FORMAT of the output: json or table (default: json)'
complete -c rung -n 'test "$(__rung_command)" = events' -l help -s h -d 'show help'
complete -c rung -n 'test "$(__rung_command)" = events' -a '(__rung_containers)'

complete -c rung -n 'test "$(__rung_command)" = exec' -l console-socket -r -F -d 'send the terminal\'s master to the socket at PATH'
complete -c rung -n 'test "$(__rung_command)" = exec' -l pidfd-socket -r -F -d 'send a pidfd of the process to the socket at PATH'
complete -c rung -n 'test "$(__rung_command)" = exec' -l cwd -x -a '(__fish_complete_directories)' -d 'working DIR in the container'
complete -c rung -n 'test "$(__rung_command)" = exec' -l env -s e -x -d 'set NAME=VALUE in the environment (repeatable)'
complete -c rung -n 'test "$(__rung_command)" = exec' -l tty -s t -d 'give the process a terminal'
complete -c rung -n 'test "$(__rung_command)" = exec' -l user -s u -x -d 'user, and group, of the process: UID[:GID], numbers'
complete -c rung -n 'test "$(__rung_command)" = exec' -l additional-gids -s g -x -d 'one more group, GID, of the process (repeatable)'
complete -c rung -n 'test "$(__rung_command)" = exec' -l process -s p -r -F -d 'FILE with the process, a process object of config.json'
complete -c rung -n 'test "$(__rung_command)" = exec' -l detach -s d -d 'do not wait for the process'
complete -c rung -n 'test "$(__rung_command)" = exec' -l pid-file -r -F -d 'write the process\'s pid to FILE'
complete -c rung -n 'test "$(__rung_command)" = exec' -l process-label -x -d 'SELinux LABEL of the process'
complete -c rung -n 'test "$(__rung_command)" = exec' -l apparmor -x -d 'AppArmor PROFILE of the process'
complete -c rung -n 'test "$(__rung_command)" = exec' -l no-new-privs -d 'let the process gain no privileges'
complete -c rung -n 'test "$(__rung_command)" = exec' -l cap -s c -x -d 'add the capability CAP (repeatable)'
complete -c rung -n 'test "$(__rung_command)" = exec' -l preserve-fds -x -d 'pass N more file descriptors to the process'
complete -c rung -n 'test "$(__rung_command)" = exec' -l cgroup -x -d 'run in an existing cgroup below the container\'s: [CONTROLLER:]PATH (repeatable)'
complete -c rung -n 'test "$(__rung_command)" = exec' -l ignore-paused -d 'wait until a paused container is resumed'
complete -c rung -n 'test "$(__rung_command)" = exec' -l timeline -r -F -d 'write where the start-up time went to FILE, for chrome://tracing or ui.perfetto.dev; - draws a chart on stderr'
complete -c rung -n 'test "$(__rung_command)" = exec' -l help -s h -d 'show help'
complete -c rung -n 'test "$(__rung_command)" = exec' -a '(__rung_containers)'

complete -c rung -n 'test "$(__rung_command)" = features' -l help -s h -d 'show help'

complete -c rung -n 'test "$(__rung_command)" = kill' -l all -s a -d 'send it to all processes of the container'
complete -c rung -n 'test "$(__rung_command)" = kill' -l regex -s r -d 'ID is a regular expression: do so to all containers that it matches'
complete -c rung -n 'test "$(__rung_command)" = kill' -l help -s h -d 'show help'
complete -c rung -n 'test "$(__rung_command)" = kill' -a '(__rung_containers)'
complete -c rung -n 'test "$(__rung_command)" = kill' -a 'HUP INT QUIT KILL USR1 USR2 TERM CONT STOP'

complete -c rung -n 'test "$(__rung_command)" = list' -l format -s f -x -a 'table json' -d 'FORMAT of the output: table or json (default: table)'
complete -c rung -n 'test "$(__rung_command)" = list' -l quiet -s q -d 'print only the IDs'
complete -c rung -n 'test "$(__rung_command)" = list' -l help -s h -d 'show help'

complete -c rung -n 'test "$(__rung_command)" = pause' -l help -s h -d 'show help'
complete -c rung -n 'test "$(__rung_command)" = pause' -a '(__rung_containers)'

complete -c rung -n 'test "$(__rung_command)" = plan' -l bundle -s b -x -a '(__fish_complete_directories)' -d 'DIR of the bundle (default: working directory)'
complete -c rung -n 'test "$(__rung_command)" = plan' -l config -s f -r -F -d 'use FILE instead of the bundle\'s config.json'
complete -c rung -n 'test "$(__rung_command)" = plan' -l help -s h -d 'show help'
complete -c rung -n 'test "$(__rung_command)" = plan' -a '(__fish_complete_directories)'

complete -c rung -n 'test "$(__rung_command)" = ps' -l format -s f -x -a 'table json' -d 'FORMAT of the output: table, or json for the pids alone (default: table)'
complete -c rung -n 'test "$(__rung_command)" = ps' -l help -s h -d 'show help'
complete -c rung -n 'test "$(__rung_command)" = ps' -a '(__rung_containers)'

complete -c rung -n 'test "$(__rung_command)" = restore' -l image-path -x -a '(__fish_complete_directories)' -d 'DIR of the saved files (default: checkpoint in the working directory)'
complete -c rung -n 'test "$(__rung_command)" = restore' -l work-path -x -a '(__fish_complete_directories)' -d 'DIR of CRIU\'s logs (default: that of --image-path)'
complete -c rung -n 'test "$(__rung_command)" = restore' -l tcp-established -d 'allow open TCP connections'
complete -c rung -n 'test "$(__rung_command)" = restore' -l ext-unix-sk -d 'allow Unix sockets that are connected out of the container'
complete -c rung -n 'test "$(__rung_command)" = restore' -l shell-job -d 'allow the terminal of the calling shell'
complete -c rung -n 'test "$(__rung_command)" = restore' -l lazy-pages -d 'bring memory after the restore, when it is touched (userfaultfd)'
complete -c rung -n 'test "$(__rung_command)" = restore' -l file-locks -d 'allow file locks'
complete -c rung -n 'test "$(__rung_command)" = restore' -l manage-cgroups-mode -x -a 'soft full strict ignore' -d 'how cgroups are restored: MODE soft, full, strict or ignore (default: soft)'
complete -c rung -n 'test "$(__rung_command)" = restore' -l empty-ns -x -d 'restore a NAMESPACE without what is in it: network'
complete -c rung -n 'test "$(__rung_command)" = restore' -l auto-dedup -d 'remove memory from the images of the parent that is in newer ones'
complete -c rung -n 'test "$(__rung_command)" = restore' -l bundle -s b -x -a '(__fish_complete_directories)' -d 'DIR of the bundle (default: working directory)'
complete -c rung -n 'test "$(__rung_command)" = restore' -l console-socket -r -F -d 'send the terminal\'s master to the socket at PATH'
complete -c rung -n 'test "$(__rung_command)" = restore' -l detach -s d -d 'do not wait for the process'
complete -c rung -n 'test "$(__rung_command)" = restore' -l pid-file -r -F -d 'write the process\'s pid to FILE'
complete -c rung -n 'test "$(__rung_command)" = restore' -l no-subreaper -d 'do not adopt and reap what the container\'s processes leave'
complete -c rung -n 'test "$(__rung_command)" = restore' -l no-pivot -d 'ignored: it is CRIU that changes the root'
complete -c rung -n 'test "$(__rung_command)" = restore' -l lsm-profile -x -d 'restore under another TYPE:NAME than was saved'
complete -c rung -n 'test "$(__rung_command)" = restore' -l lsm-mount-context -x -d 'mount with the SELinux CONTEXT'
complete -c rung -n 'test "$(__rung_command)" = restore' -l help -s h -d 'show help'

complete -c rung -n 'test "$(__rung_command)" = resume' -l help -s h -d 'show help'
complete -c rung -n 'test "$(__rung_command)" = resume' -a '(__rung_containers)'

complete -c rung -n 'test "$(__rung_command)" = run' -l bundle -s b -x -a '(__fish_complete_directories)' -d 'DIR of the bundle (default: working directory)'
complete -c rung -n 'test "$(__rung_command)" = run' -l config -s f -r -F -d 'use FILE instead of the bundle\'s config.json'
complete -c rung -n 'test "$(__rung_command)" = run' -l console-socket -r -F -d 'send the terminal\'s master to the socket at PATH'
complete -c rung -n 'test "$(__rung_command)" = run' -l pidfd-socket -r -F -d 'send a pidfd of the process to the socket at PATH'
complete -c rung -n 'test "$(__rung_command)" = run' -l pid-file -r -F -d 'write the process\'s pid to FILE'
complete -c rung -n 'test "$(__rung_command)" = run' -l no-pivot -d 'change the root with chroot, not pivot_root'
complete -c rung -n 'test "$(__rung_command)" = run' -l no-new-keyring -d 'keep the session keyring'
complete -c rung -n 'test "$(__rung_command)" = run' -l preserve-fds -x -d 'pass N more file descriptors to the process'
complete -c rung -n 'test "$(__rung_command)" = run' -l no-subreaper -d 'run: do not adopt and reap what the container\'s processes leave'
complete -c rung -n 'test "$(__rung_command)" = run' -l detach -s d -d 'do not wait for the process'
complete -c rung -n 'test "$(__rung_command)" = run' -l keep -d 'do not delete the container'
complete -c rung -n 'test "$(__rung_command)" = run' -l timeline -r -F -d 'write where the start-up time went to FILE, for chrome://tracing or ui.perfetto.dev; - draws a chart on stderr'
complete -c rung -n 'test "$(__rung_command)" = run' -l help -s h -d 'show help'

complete -c rung -n 'test "$(__rung_command)" = spec' -l bundle -s b -x -a '(__fish_complete_directories)' -d 'DIR of the bundle (default: working directory)'
complete -c rung -n 'test "$(__rung_command)" = spec' -l file -s f -r -F -d 'FILE in the bundle to write (default: config.json)'
complete -c rung -n 'test "$(__rung_command)" = spec' -l rootless -d 'for a user without privileges'
complete -c rung -n 'test "$(__rung_command)" = spec' -l help -s h -d 'show help'

complete -c rung -n 'test "$(__rung_command)" = start' -l help -s h -d 'show help'
complete -c rung -n 'test "$(__rung_command)" = start' -a '(__rung_containers)'

complete -c rung -n 'test "$(__rung_command)" = state' -l format -s f -x -a 'table json' -d 'FORMAT of the output: json or table (default: json)'
complete -c rung -n 'test "$(__rung_command)" = state' -l help -s h -d 'show help'
complete -c rung -n 'test "$(__rung_command)" = state' -a '(__rung_containers)'

complete -c rung -n 'test "$(__rung_command)" = update' -l resources -s r -r -F -d 'read the limits from FILE, or from standard input if it is -'
complete -c rung -n 'test "$(__rung_command)" = update' -l blkio-weight -x -d 'N: weight of block I/O, 10 to 1000'
complete -c rung -n 'test "$(__rung_command)" = update' -l cpu-period -x -d 'µS: length of a period for --cpu-quota'
complete -c rung -n 'test "$(__rung_command)" = update' -l cpu-quota -x -d 'µS: CPU time in a period'
complete -c rung -n 'test "$(__rung_command)" = update' -l cpu-burst -x -d 'µS: CPU time that may be saved up for a burst'
complete -c rung -n 'test "$(__rung_command)" = update' -l cpu-share -x -d 'N: weight of CPU time, 2 to 262144'
complete -c rung -n 'test "$(__rung_command)" = update' -l cpu-rt-period -x -d 'µS: length of a period for --cpu-rt-runtime'
complete -c rung -n 'test "$(__rung_command)" = update' -l cpu-rt-runtime -x -d 'µS: CPU time of realtime processes in a period'
complete -c rung -n 'test "$(__rung_command)" = update' -l cpuset-cpus -x -d 'LIST: CPUs to use: 0-2,7'
complete -c rung -n 'test "$(__rung_command)" = update' -l cpuset-mems -x -d 'LIST: memory nodes to use'
complete -c rung -n 'test "$(__rung_command)" = update' -l cpu-idle -x -d 'N: 1: use only idle CPU time, 0: do not'
complete -c rung -n 'test "$(__rung_command)" = update' -l memory -x -d 'SIZE: limit of memory'
complete -c rung -n 'test "$(__rung_command)" = update' -l memory-reservation -x -d 'SIZE: memory that is left when the machine\'s is short'
complete -c rung -n 'test "$(__rung_command)" = update' -l memory-swap -x -d 'SIZE: limit of memory and swap together'
complete -c rung -n 'test "$(__rung_command)" = update' -l pids-limit -x -d 'N: limit of processes and threads'
complete -c rung -n 'test "$(__rung_command)" = update' -l l3-cache-schema -x -d 'refused: Intel RDT is not supported yet'
complete -c rung -n 'test "$(__rung_command)" = update' -l mem-bw-schema -x -d 'refused: Intel RDT is not supported yet'
complete -c rung -n 'test "$(__rung_command)" = update' -l help -s h -d 'show help'
complete -c rung -n 'test "$(__rung_command)" = update' -a '(__rung_containers)'
