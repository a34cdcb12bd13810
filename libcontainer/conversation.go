package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/copyup"
	"github.com/rung-oci/rung/libcontainer/hooks"
	"github.com/rung-oci/rung/libcontainer/netdevice"
	"github.com/rung-oci/rung/libcontainer/store"
	"github.com/rung-oci/rung/libcontainer/terminal"
	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// openFiles opens what the program uses of this process.
func (c *creation) openFiles() (err error) {
	c.r.at("opening the descriptors of the first process")
	if c.report, err = c.reportFile(); err != nil {
		return err
	}
	c.files[birth.FileReport] = c.report
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socketpair for the first process: %w", err)
	}
	c.socket, c.files[birth.FileSync] = pair[0], pair[1]
	if c.birth.Gate == birth.GateSocket {
		if c.files[birth.FileGate], err = c.gateSocket(); err != nil {
			return err
		}
	}
	if err := openTimes(c.timing, c.files); err != nil {
		return err
	}
	if err := c.openNamespaces(); err != nil {
		return err
	}
	return c.openCgroups()
}

func (c *creation) openCgroups() error {
	entry, err := c.manager.Entry(false)
	c.born = giveFiles(&entry, c.files)
	return err
}

// reportFile makes the report page in the state directory, where start finds
// it. Behind the page stand the notes of the steps that start will run, and of the two
// that get and judge the launcher's last answer.
func (c *creation) reportFile() (int, error) {
	fd, err := unix.Openat(c.dir.Fd(), store.ReportName, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return -1, fmt.Errorf("creating the report page: %w", err)
	}
	page := append(make([]byte, nsenter.ReportSize), c.birth.Program.Notes(max(c.birth.Ready-2, 0))...)
	if _, err := unix.Pwrite(fd, page, 0); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("writing the report page: %w", err)
	}
	return fd, nil
}

// gateSocket listens where start will connect.
func (c *creation) gateSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket for start: %w", err)
	}
	// a socket's path may have 107 bytes: unix(7)
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: c.dir.ProcPath(store.StartName)})
	if err == nil {
		err = unix.Listen(fd, 1)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("socket for start: %w", err)
	}
	return fd, nil
}

// openNamespaces opens the namespaces to be joined and makes sure that each is
// of the type that the config says.
func (c *creation) openNamespaces() error {
	if c.spec.Linux == nil {
		return nil
	}
	for i, ns := range c.spec.Linux.Namespaces {
		if ns.Path == "" {
			continue
		}
		fd, err := unix.Open(ns.Path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0) // a FIFO must not be waited for
		if err != nil {
			return fmt.Errorf("linux.namespaces[%d].path: %s: %w", i, ns.Path, err)
		}
		c.files[birth.FileNamespace+string(ns.Type)] = fd
		flag, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
		if err != nil {
			return fmt.Errorf("linux.namespaces[%d].path: %s is not a namespace", i, ns.Path)
		}
		if its := spec.NamespaceByFlag(uint64(flag)); its.Type != ns.Type {
			return fmt.Errorf("linux.namespaces[%d].path: %s is a %s namespace, not a %s namespace", i, ns.Path, cmp.Or(its.Type, "unknown"), ns.Type)
		}
		if err := c.checkHostParameters(ns, fd); err != nil {
			return err
		}
		if ns.Type == specs.MountNamespace && isOwn(fd, ns.Type) {
			return fmt.Errorf("linux.namespaces[%d].path: %s is rung's own mount namespace, where a change of the root would be everybody's", i, ns.Path)
		}
	}
	return nil
}

// checkHostParameters refuses to change parameters of a namespace that is joined
// by path and is this process's own: those are the host's.
func (c *creation) checkHostParameters(ns specs.LinuxNamespace, fd int) error {
	switch ns.Type {
	case specs.NetworkNamespace, specs.IPCNamespace, specs.UTSNamespace, specs.UserNamespace: // the others have none
	default:
		return nil
	}
	if !isOwn(fd, ns.Type) {
		return nil
	}
	if ns.Type == specs.UTSNamespace {
		var host unix.Utsname
		if err := unix.Uname(&host); err != nil {
			return fmt.Errorf("uname: %w", err)
		}
		for _, n := range [...]struct{ property, name, own string }{
			{"hostname", c.spec.Hostname, unix.ByteSliceToString(host.Nodename[:])}, {"domainname", c.spec.Domainname, unix.ByteSliceToString(host.Domainname[:])},
		} {
			if n.name != "" && n.name != n.own {
				return fmt.Errorf("%s: the %s namespace %s is the host's", n.property, ns.Type, ns.Path)
			}
		}
	}
	for key := range c.spec.Linux.Sysctl {
		if path, err := spec.SysctlPath(key); err == nil && spec.SysctlNamespace(path) == ns.Type {
			return fmt.Errorf("linux.sysctl[%s]: the %s namespace %s is the host's", key, ns.Type, ns.Path)
		}
	}
	return nil
}

// isOwn tells whether a namespace is this process's.
func isOwn(fd int, t specs.LinuxNamespaceType) bool {
	var its, own unix.Stat_t
	path := "/proc/self/ns/" + spec.NamespaceByType(t).File
	return unix.Fstat(fd, &its) == nil && unix.Stat(path, &own) == nil && its.Ino == own.Ino
}

// converse does what the program asks for until it sends the tag, which is
// left unanswered.
func (c *creation) converse(until byte) error {
	for {
		c.r.at("following the birth program")
		tag, fds, err := c.receive()
		if err != nil {
			kernel.CloseAll(fds)
			return err
		}
		if tag == until {
			kernel.CloseAll(fds)
			return nil
		}
		err = c.serve(tag, fds)
		kernel.CloseAll(fds)
		if err != nil {
			// what was asked for may have failed because who asked is gone
			if failed := c.birth.Program.Failure(c.readReport()); failed != nil {
				return hinted(failed)
			}
			return err
		}
		if err := c.answer(); err != nil {
			return err
		}
	}
}

// receive waits for a tag and its descriptors.
func (c *creation) receive() (tag byte, fds []kernel.Fd, err error) {
	if err := c.interrupt.Err(nil); err != nil {
		return 0, nil, err
	}
	if err := c.interrupt.Wait(c.socket); err != nil {
		return 0, nil, err
	}
	tag, fds, err = receiveTag(c.socket)
	if tag == 0 {
		return 0, nil, c.died(err)
	}
	if first := c.firstProcess(); first != nil {
		err = first
	}
	return tag, fds, err
}

// mostSent is how many descriptors a program sends beside a tag, at most.
const mostSent = 4

// receiveTag waits for what a program sends: a tag, 0 when the program is over,
// and descriptors.
func receiveTag(socket int) (tag byte, fds []kernel.Fd, err error) {
	var data [1]byte
	_, fds, err = kernel.Receive(socket, data[:], mostSent)
	return data[0], fds, err
}

// firstProcess finds the process that the program cloned, if it did.
func (c *creation) firstProcess() error {
	if c.pid > 0 {
		return nil
	}
	pid := c.readReport().Child
	if pid == 0 {
		return nil
	}
	if pid == c.child.Pid || !isChild(pid) {
		return notChildError(pid)
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("pidfd_open of the first process: %w", err)
	}
	c.pid, c.pidfd = pid, pidfd // a child that was not waited for keeps its pid
	reap(c.child.Pid)
	closeAll(c.child.Pidfd)
	c.child.Pid, c.child.Pidfd = 0, -1
	return c.identify()
}

func (c *creation) readReport() nsenter.Report {
	var page [nsenter.ReportUsed]byte
	n, _ := unix.Pread(c.report, page[:], 0)
	return nsenter.ParseReport(page[:max(n, 0)])
}

// answer lets the program go on.
func (c *creation) answer() error {
	if err := sendAnswer(c.socket); err != nil {
		return c.died(err)
	}
	return nil
}

func sendAnswer(socket int) error { return kernel.Send(socket, []byte{0}) }

func (c *creation) serve(tag byte, fds []kernel.Fd) error {
	switch {
	case tag == birth.TagMaps:
		return c.writeMaps()
	case tag == birth.TagSources:
		return c.runSources()
	case tag == birth.TagHooks:
		return c.createHooks()
	case tag == birth.TagNetwork:
		c.r.at("moving network devices")
		return c.moveNetDevices()
	case tag == birth.TagCopyUp && len(fds) == 2:
		c.r.at("copying up to a tmpfs")
		return c.asRoot(func() error { return copyup.Copy(fds[0].Int(), fds[1].Int()) })
	case tag == birth.TagTerminal && len(fds) == 1:
		return c.takeTerminal(&fds[0])
	}
	return fmt.Errorf("the first process sent %q with %d descriptors", tag, len(fds))
}

// died is the error of a program that ended before its time.
func (c *creation) died(cause error) error {
	report := c.readReport()
	if err := c.birth.Program.Failure(report); err != nil {
		return hinted(err)
	}
	status := c.reapFirst()
	label := c.birth.Program.LabelAt(report.Step)
	if status.Signaled() {
		if err := c.killedForMemory(label); err != nil {
			return err
		}
		return fmt.Errorf("%s: the first process was ended by %v", label, status.Signal())
	}
	return errors.Join(fmt.Errorf("%s: the first process ended with status %d", label, status.ExitStatus()), cause)
}

// reapFirst waits for the first process, or the one that was to clone it.
func (c *creation) reapFirst() (status unix.WaitStatus) {
	c.firstProcess()
	pid := c.pid
	if pid == 0 {
		pid = c.child.Pid
	}
	status = reap(pid)
	if pid == c.pid {
		c.pid = 0
	} else {
		c.child.Pid = 0
	}
	return status
}

// killedForMemory is the error if the cgroup says that the kernel killed in it.
func (c *creation) killedForMemory(label string) error {
	m, err := c.manager.Memory()
	if err != nil || m.OOMKills == 0 {
		return nil
	}
	return fmt.Errorf("%s: the first process was killed for memory: linux.resources.memory.limit is %d bytes, and it needed more", label, m.Memory.Limit)
}

// takeTerminal sets up the terminal's master and gives it to whom it is for.
func (c *creation) takeTerminal(master *kernel.Fd) (err error) {
	c.r.at("taking the terminal")
	c.master, err = takeTerminal(master, c.spec.Process.ConsoleSize, c.o.ConsoleSocket)
	return err
}

// takeTerminal sets up a master, and sends it to a console socket. Without one it is
// taken, and is the result; then it passes newlines as they are, since the user's terminal returns the carriage. Who
// asked for a master gets it as the kernel made it, as from runc and crun.
func takeTerminal(sent *kernel.Fd, size *specs.Box, consoleSocket string) (int, error) {
	master := sent.Int()
	if size != nil {
		if err := terminal.SetSize(master, uint16(size.Height), uint16(size.Width)); err != nil {
			return -1, fmt.Errorf("process.consoleSize: %w", err)
		}
	}
	if consoleSocket == "" {
		if err := terminal.ClearONLCR(master); err != nil {
			return -1, err
		}
		if size == nil {
			takeSize(master)
		}
		return sent.Take(), nil
	}
	number, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		return -1, fmt.Errorf("number of the terminal: %w", err)
	}
	return -1, terminal.SendConsole(consoleSocket, master, fmt.Sprintf("/dev/pts/%d", number))
}

// takeSize gives a terminal the size of the user's, if there is one, before the
// process can ask for it. The relay follows the changes.
func takeSize(master int) {
	for fd := range 2 {
		if rows, columns, err := terminal.Size(fd); err == nil {
			_ = terminal.SetSize(master, rows, columns) // the relay tells what fails
			return
		}
	}
}

// createHooks runs the hooks of create, in the order of the specification.
func (c *creation) createHooks() error {
	h := c.spec.Hooks
	for _, k := range []struct {
		kind  hooks.Kind
		hooks []specs.Hook
	}{
		//lint:ignore SA1019 prestart hooks are deprecated, not gone
		{hooks.Prestart, h.Prestart},
		{hooks.CreateRuntime, h.CreateRuntime},
		{hooks.CreateContainer, h.CreateContainer},
	} {
		if len(k.hooks) == 0 {
			continue
		}
		c.r.at("running the " + string(k.kind) + " hooks")
		state := c.hookState(specs.StateCreated) // from step 2 of the lifecycle on: runtime.md
		state.Pid = c.pid
		if err := c.r.runHooks(c.container, k.kind, k.hooks, state, c.spec, c.pidfd); err != nil {
			return err
		}
	}
	return nil
}

// moveNetDevices moves linux.netDevices to the network namespace of the first process.
func (c *creation) moveNetDevices() error {
	fd, err := openNetwork(c.pid)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return netdevice.Move(c.spec.Linux.NetDevices, fd)
}

func openNetwork(pid int) (int, error) {
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/net", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("network namespace of the first process: %w", err)
	}
	return fd, nil
}

// asRoot does something as the container's root where that is not this process's
// user: files on a filesystem of the container's user namespace cannot belong to
// users that it does not know. The thread that changed is not used again.
func (c *creation) asRoot(do func() error) error {
	uid, gid, err := c.rootIDs()
	if err != nil || uid == 0 && gid == 0 {
		return errors.Join(err, do())
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- asUser(uid, gid, do)
	}()
	return <-done
}

// rootIDs are the ids of the container's root on the host.
func (c *creation) rootIDs() (uid, gid int, err error) {
	ids := [2]int{}
	for i, file := range [...]string{"uid_map", "gid_map"} {
		mappings, err := readMap(c.pid, file)
		if err != nil {
			return 0, 0, fmt.Errorf("the container's root: %w", err)
		}
		ids[i] = int(birth.HostID(mappings, nil))
	}
	return ids[0], ids[1], nil
}

// readMap reads a map of the user namespace that a process is in.
func readMap(pid int, file string) (mappings []specs.LinuxIDMapping, err error) {
	text, err := readAll(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return nil, err
	}
	for line := range lines(text) {
		var m specs.LinuxIDMapping
		if n, _ := fmt.Sscan(line, &m.ContainerID, &m.HostID, &m.Size); n == 3 {
			mappings = append(mappings, m)
		}
	}
	return mappings, nil
}

// asUser changes the ids for files of this thread (setfsuid(2)), which takes
// capabilities away, and takes those back.
func asUser(uid, gid int, do func() error) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	unix.Setfsgid(gid)
	unix.Setfsuid(uid)
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	return do()
}
