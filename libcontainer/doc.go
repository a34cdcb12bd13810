// Package libcontainer is the life of a container: a state machine whose transitions are
// the commands, one file for each. Everything that is no command is in a room below it.
//
// # The states
//
//	(none) ── create ──▶ creating ──▶ created ── start ──▶ running ──▶ stopped ── delete ──▶ (none)
//	                                     ▲                    ▲
//	                       pause, resume └────▶ paused ◀──────┘ pause, resume
//
// A container has stopped when its first process has ended, wherever it was before.
//
// run is create and start in one, restore is create with processes that CRIU brings
// along, and checkpoint is delete after they were saved. exec, kill, update, ps, events
// and state change nothing about the status by themselves.
//
// No file says what the status is. It is derived each time, by facts.status in status.go,
// from what the kernel says of the first process (does it live, does it still execute its
// birth program's image) and of the cgroup (is it frozen), and from the one thing that
// the kernel cannot know: whether create had come to its end, or still works on it. A
// command that crashes can leave no status behind that is not true.
//
// # The files
//
// A container is a directory below the store's root, by default /run/rung/ID; package
// store says how files there are replaced and when a directory counts as a container.
// Its lock is the flock(2) of that directory. In the order of their making:
//
//	record          create, restore: first as intent (phase creating, and the cgroup that
//	                is going to be made, so that delete can clean up whatever follows),
//	                again when the first process is known and can be killed, and last as
//	                created. Nobody else writes it.
//	notify/         create, or start: the socket for sd_notify(3), bound into the container
//	report          create makes it; the first process writes in it, and start and create
//	                read there which step has failed
//	start.sock      create: where the first process waits for start
//	config.json     create: the configuration, while the birth program runs
//	exec            create: what exec and hooks need of it, with the compiled filter
//	resources.json  update: what it has changed, once the kernel has it
//
// All of them are written with the lock held. create, run and restore hold it from the
// making of the directory; create until it is done, run and restore until the process
// executes or is there. start holds it until the process executes, and lets go of it for
// the poststart hooks, which may call rung. delete, pause, resume, update and checkpoint
// hold it throughout. state, list, ps, events, kill and exec take no lock: they read a
// record that is whole at any time, and name the process by pid, start time and boot.
// delete --force kills the first process before it waits for the lock: who holds it may
// wait for that.
// No lock is ever held across two containers.
//
// # When a command was killed
//
// Each command may be killed at any moment. The next one finds the old state or the new:
//
//	create,     Without a record, debris, which the next create of that name takes over.
//	run,        With one in phase creating: the first process waits for answers that do
//	restore     not come, and ends; the status is stopped, and delete removes the rest.
//	            run in the foreground leaves a running container, restore's CRIU ends.
//	start       created or running. The gate opens by one connect(2). What has not run of
//	            the poststart hooks never does.
//	exec        The process is on its way, and ends when nobody answers it; or executes.
//	kill        Some processes have the signal. With SIGKILL it can be sent again.
//	pause,      paused, be it only half frozen, which resume and delete put right; or what
//	resume      it was.
//	update      The kernel has the new limits, the file perhaps the old ones: what it has
//	            is read from the kernel.
//	checkpoint  CRIU goes on to its end, and the container stays locked until then: else
//	            it would leave its own code in the processes.
//	delete      stopped, with less of it: the record goes when nothing else is left to be
//	            found, so that another delete goes on.
//
// # The rooms
//
//	birth         the compiler: what a first process, a further one, a hook and CRIU run
//	launch        a program's way: image, process, conversation, end
//	store         the directory, its lock, the record
//	host          looking at the machine, for birth
//	userprocess   what is executed: exec's process object, the environment, HOME
//	namespaces    those of a configuration, and those that processes are in
//	executable    what execve will find in the container, and why not
//	descriptors   which descriptors of the caller's the container gets
//	process       identity of processes beyond their pid; their ends by pidfd
//	copyup        what a tmpfs is filled with
//	netdevice     moving network devices, by netlink
//	userns        maps of user namespaces
//	seccomp       the filter's compiler
//	agent         whom a filter asks about calls, and sending the listener there
//	capabilities  their names and numbers
//	hooks         running hooks, their output and time limits
//	criu          speaking to CRIU
//	external      what a container has of the host, and a checkpoint leaves out
//	interrupt     signals before the process executes
//	foreground    standing for a process: signals, streams, exit status
//	terminal      pseudoterminals and pipes from outside
//	signals       catching signals without the Go runtime
//	notify        telling the service manager that a container is ready
//	inherited     what the Go runtime changes before main
//	failure       hints, and the words that clients know
//	logs          the log
//	timeline      where the time of a start goes
//	check         what rung check says of the machine
//
// Imports go one way: from here into the rooms, from there to birth and store, and to the
// packages spec, cgroups, nsenter and internal/kernel. No room imports this package.
package libcontainer
