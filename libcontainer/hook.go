package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/capabilities"
	"github.com/rung-oci/rung/libcontainer/hooks"
	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/nsenter"
)

// hookState is what a hook reads from its standard input.
func (c *container) hookState(status specs.ContainerState) specs.State {
	r := c.record
	return specs.State{Version: r.OCIVersion, ID: r.ID, Status: status, Pid: r.Init.Pid, Bundle: r.Bundle, Annotations: r.Annotations}
}

// runHooks runs hooks of a kind. config is the container's configuration.
// namespaces are started by a program that joins those of init, a pidfd.
func (r *Runtime) runHooks(c *container, kind hooks.Kind, list []specs.Hook, state specs.State, config *specs.Spec, init int) error {
	text, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("state for the %s hooks: %w", kind, err)
	}
	runner := &hooks.Runner{
		Log:  func(k hooks.Kind, hook, line string) { r.Log.Infof("%s hook %s: %s", k, hook, line) },
		Warn: func(err error) { r.Log.Warnf("%v", err) },
	}
	if kind != hooks.Poststart && kind != hooks.Poststop { // that process may be over by then
		runner.Container = init
	}
	if kind == hooks.CreateContainer || kind == hooks.StartContainer {
		join, err := c.joining(init)
		if err != nil {
			return err
		}
		if kind == hooks.StartContainer {
			if err := join.confine(c, config); err != nil {
				return err
			}
			defer join.release()
		}
		runner.Start = func(h specs.Hook, stdin, output int) (int, error) { return join.start(r, h, stdin, output) }
	}
	return runner.Run(kind, list, text)
}

// joining is how a process enters the namespaces of a container.
type joining struct {
	init       int    // pidfd of the container's first process
	namespaces uint64 // CLONE_NEW* flags of those that are not this process's own
	pid        int
	confined   *compiler      // knows the container's restrictions, nil: none
	groups     map[string]int // files to join the container's cgroups
}

// confine has the process live under the container's restrictions. A
// startContainer hook is a file of the image: with the rights of the caller in
// the container's namespaces it could leave them. Its limits and its umask are
// the caller's, though.
func (j *joining) confine(c *container, config *specs.Spec) error {
	host := &Host{Rootfs: c.record.Rootfs}
	var err error
	if host.LastCap, err = capabilities.LastCap(); err != nil {
		return err
	}
	if host.Bounding, err = capabilities.Bounding(); err != nil {
		return err
	}
	if p := config.Process; p.ApparmorProfile != "" && hasAppArmor() || p.SelinuxLabel != "" && hasSELinux() {
		return errors.New("hooks.startContainer: not supported yet under an AppArmor profile or a SELinux label")
	}
	in := &Input{Spec: config, Host: host}
	if config.Linux != nil && config.Linux.Seccomp != nil {
		if in.Filter, err = seccomp.Compile(config.Linux.Seccomp); err != nil {
			return err
		}
	}
	j.confined = newCompiler(in)
	if err := j.confined.classifyNamespaces(); err != nil {
		return err
	}
	m := c.cgroup()
	defer m.Close()
	files, err := m.JoinFiles()
	if err != nil {
		return err
	}
	j.groups = map[string]int{}
	for _, f := range files {
		j.groups[fileGroup+f.Name] = f.Fd
	}
	return nil
}

func (j *joining) release() {
	for _, fd := range j.groups {
		unix.Close(fd)
	}
}

// joining compares the first process's namespaces with this process's: setns
// by pidfd fails as a whole for one that is the caller's already.
func (c *container) joining(init int) (*joining, error) {
	j := &joining{init: init, pid: c.record.Init.Pid}
	if j.pid == 0 {
		var err error
		if j.pid, err = pidOf(init); err != nil {
			return nil, err
		}
	}
	for name, flag := range map[string]uint64{
		"user": unix.CLONE_NEWUSER, "mnt": unix.CLONE_NEWNS, "pid": unix.CLONE_NEWPID, "net": unix.CLONE_NEWNET,
		"ipc": unix.CLONE_NEWIPC, "uts": unix.CLONE_NEWUTS, "cgroup": unix.CLONE_NEWCGROUP, "time": unix.CLONE_NEWTIME,
	} {
		var own, its unix.Stat_t
		if err := unix.Stat("/proc/self/ns/"+name, &own); err != nil {
			if err == unix.ENOENT { // the kernel was built without it
				continue
			}
			return nil, fmt.Errorf("namespace %s of this process: %w", name, err)
		}
		if err := unix.Stat(fmt.Sprintf("/proc/%d/ns/%s", j.pid, name), &its); err != nil {
			return nil, fmt.Errorf("namespace %s of the container: %w", name, err)
		}
		if own.Ino != its.Ino {
			j.namespaces |= flag
		}
	}
	return j, nil
}

// pidOf is the pid behind a pidfd.
func pidOf(pidfd int) (int, error) {
	var pid int
	text, err := readAll(fmt.Sprintf("/proc/self/fdinfo/%d", pidfd))
	if err != nil {
		return 0, err
	}
	for line := range lines(text) {
		if n, _ := fmt.Sscanf(line, "Pid: %d", &pid); n == 1 && pid > 0 {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("the first process is gone: %w", unix.ESRCH)
}

// Names of the launcher's descriptors in a joining program.
const (
	fileStdin  = "standard input"
	fileOutput = "standard output"
)

// start starts a hook in the container's namespaces, as the leader of a process
// group and a child of this process, and returns when it was executed.
func (j *joining) start(r *Runtime, h specs.Hook, stdin, output int) (int, error) {
	p, err := j.program(h)
	if err != nil {
		return 0, err
	}
	report, err := unix.MemfdCreate("report", unix.MFD_CLOEXEC)
	if err != nil {
		return 0, fmt.Errorf("report page of a hook: %w", err)
	}
	defer unix.Close(report)
	if err := unix.Ftruncate(report, nsenter.ReportSize); err != nil {
		return 0, fmt.Errorf("report page of a hook: %w", err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socketpair for a hook: %w", err)
	}
	defer unix.Close(pair[0])
	files := map[string]int{fileReport: report, fileSync: pair[1], fileInit: j.init, fileStdin: stdin, fileOutput: output}
	maps.Copy(files, j.groups)
	child, err := r.launchProgram(p, files)
	unix.Close(pair[1])
	if err != nil {
		return 0, err
	}
	unix.Close(child.Pidfd)
	waitErr := j.waitExecuted(pair[0])
	if waitErr != nil {
		unix.Kill(child.Pid, unix.SIGKILL) // a child that was not waited for keeps its pid
		reap(child.Pid)
	}
	told, err := readReport(report)
	if err != nil {
		return 0, err
	}
	pid := child.Pid
	if told.Child > 0 {
		pid = told.Child
		if waitErr == nil {
			reap(child.Pid)
		} else {
			unix.Kill(pid, unix.SIGKILL)
			reap(pid)
		}
	}
	if waitErr != nil {
		return 0, waitErr
	}
	if err := p.Failure(told); err != nil {
		reap(pid)
		return 0, err
	}
	return pid, nil
}

// readReport reads a report page from its file.
func readReport(fd int) (nsenter.Report, error) {
	page := make([]byte, nsenter.ReportSize)
	if _, err := unix.Pread(fd, page, 0); err != nil {
		return nsenter.Report{}, fmt.Errorf("reading the report page: %w", err)
	}
	return nsenter.ParseReport(page), nil
}

// waitExecuted waits until the execve closes the other end of the socket, or the
// process ends; not longer than the container's first process lives.
func (j *joining) waitExecuted(socket int) error {
	for {
		poll := []unix.PollFd{{Fd: int32(socket), Events: unix.POLLIN}, {Fd: int32(j.init), Events: unix.POLLIN}}
		_, err := unix.Poll(poll, -1)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return fmt.Errorf("waiting for a hook to be executed: %w", err)
		case poll[0].Revents != 0:
			return nil
		case poll[1].Revents != 0:
			return errors.New("the container's first process has ended")
		}
	}
}

// reap waits for the end of a child.
func reap(pid int) (status unix.WaitStatus) {
	for {
		if _, err := unix.Wait4(pid, &status, 0, nil); err != unix.EINTR {
			return status
		}
	}
}

// program joins the container and executes the hook. Its process sees the root
// of the mount namespace: the host's tree before the root was changed, the
// container's after.
func (j *joining) program(h specs.Hook) (*nsenter.Program, error) {
	p := nsenter.New()
	p.Label("joining the container")
	p.MapReport(fileReport)
	p.Call(unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_DUMPABLE), nsenter.Int(0))
	p.Call(unix.SYS_SETGROUPS, nsenter.Int(0), nsenter.Int(0)).Ignore(unix.EPERM) // the caller's mean something on the host
	for _, name := range slices.Sorted(maps.Keys(j.groups)) {
		p.Call(unix.SYS_WRITE, nsenter.File(name), p.String("0"), nsenter.Int(1))
	}
	p.Call(unix.SYS_SETNS, nsenter.File(fileInit), nsenter.Int(j.namespaces))
	if j.namespaces&(unix.CLONE_NEWPID|unix.CLONE_NEWTIME) != 0 {
		child, born := p.Cell("child"), p.Target()
		p.Clone(unix.CLONE_PARENT, nsenter.ReportChild()).Into(child)
		p.JumpIf(nsenter.Value(child), ^uint64(0), 0, born)
		p.Call(unix.SYS_EXIT_GROUP, nsenter.Int(0))
		p.Place(born)
	}
	p.Label("preparing the hook")
	p.Call(unix.SYS_SETSID) // /dev/tty must not be the caller's terminal
	p.Call(unix.SYS_RT_SIGPROCMASK, nsenter.Int(unix.SIG_SETMASK), nsenter.Words(0), nsenter.Int(0), nsenter.Int(8))
	if j.confined != nil {
		p.Call(unix.SYS_KEYCTL, nsenter.Int(unix.KEYCTL_JOIN_SESSION_KEYRING), nsenter.Int(0)).
			Ignore(unix.ENOSYS, unix.EDQUOT, unix.EPERM, unix.EACCES)
		if !j.confined.mountNS {
			p.Call(unix.SYS_CHROOT, p.String(j.confined.in.Host.Rootfs))
		}
	}
	p.Call(unix.SYS_CHDIR, p.String("/"))
	if j.namespaces&unix.CLONE_NEWUSER != 0 {
		p.Call(unix.SYS_SETRESGID, nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
		p.Call(unix.SYS_SETRESUID, nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
	}
	p.Call(unix.SYS_DUP3, nsenter.File(fileStdin), nsenter.Int(0), nsenter.Int(0))
	p.Call(unix.SYS_DUP3, nsenter.File(fileOutput), nsenter.Int(1), nsenter.Int(0))
	p.Call(unix.SYS_DUP3, nsenter.File(fileOutput), nsenter.Int(2), nsenter.Int(0))
	p.Call(unix.SYS_CLOSE_RANGE, nsenter.Int(3), nsenter.Int(uint64(^uint32(0))), nsenter.Int(unix.CLOSE_RANGE_CLOEXEC))
	if j.confined != nil {
		j.confined.Program = p
		if err := j.confined.restrict(); err != nil {
			return nil, err
		}
	}
	args := h.Args
	if len(args) == 0 {
		args = []string{h.Path}
	}
	p.Label("executing " + h.Path)
	p.Call(unix.SYS_EXECVE, p.String(h.Path), p.Strings(args), p.Strings(h.Env))
	return p, nil
}

// launchProgram runs a program in this process's own namespaces.
func (r *Runtime) launchProgram(p *nsenter.Program, files map[string]int) (*nsenter.Child, error) {
	memory, err := nsenter.Assemble(p, files)
	if err != nil {
		return nil, err
	}
	image, err := nsenter.NewImage(p, memory, r.ImageDir, r.imageDirs()...)
	if err != nil {
		return nil, err
	}
	defer image.Close()
	return nsenter.Launch(image, nsenter.Options{Files: files})
}

// imageDirs are where an image may lie if it cannot be in memory.
func (r *Runtime) imageDirs() []string {
	return []string{r.Store.Root(), "/dev/shm", "/var/tmp", "/tmp"}
}

// runSources runs the program that provides what a user namespace may not open.
func (c *creation) runSources() error {
	c.r.at("opening bind sources and devices")
	report, err := unix.MemfdCreate("report", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("report page of the sources: %w", err)
	}
	defer unix.Close(report)
	if err := unix.Ftruncate(report, nsenter.ReportSize); err != nil {
		return fmt.Errorf("report page of the sources: %w", err)
	}
	child, err := c.r.launchProgram(c.birth.Sources, map[string]int{fileReport: report, fileSync: c.socket, fileInit: c.pidfd})
	if err != nil {
		return err
	}
	unix.Close(child.Pidfd)
	status := reap(child.Pid)
	told, err := readReport(report)
	if err != nil {
		return err
	}
	if err := c.birth.Sources.Failure(told); err != nil {
		return hinted(err)
	}
	if status.Signaled() {
		return fmt.Errorf("opening bind sources and devices: ended by %v", status.Signal())
	}
	if status.ExitStatus() != 0 { // before its report page was there
		return fmt.Errorf("%s: ended with status %d", c.birth.Sources.Steps[0].Label, status.ExitStatus())
	}
	return nil
}

// writeMaps writes the maps of the new user namespace, user_namespaces(7).
func (c *creation) writeMaps() error {
	c.r.at("writing the user namespace's maps")
	for _, m := range []struct {
		file, property string
		maps           []specs.LinuxIDMapping
	}{
		{"uid_map", "linux.uidMappings", c.spec.Linux.UIDMappings},
		{"gid_map", "linux.gidMappings", c.spec.Linux.GIDMappings},
	} {
		var text []byte
		for _, r := range m.maps {
			text = fmt.Appendf(text, "%d %d %d\n", r.ContainerID, r.HostID, r.Size)
		}
		if err := writeProc(c.pid, m.file, text); err != nil {
			return advise(fmt.Errorf("%s: %w", m.property, err), mapsHint(err))
		}
	}
	return nil
}

// writeProc writes a file of a process in one go.
func writeProc(pid int, file string, text []byte) error {
	path := fmt.Sprintf("/proc/%d/%s", pid, file)
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, text); err != nil {
		return fmt.Errorf("%s: writing %q: %w", path, text, err)
	}
	return nil
}
