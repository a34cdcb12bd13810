package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/hooks"
	"github.com/rung-oci/rung/libcontainer/host"
	"github.com/rung-oci/rung/libcontainer/interrupt"
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
		Container: -1, Interrupt: -1,
		Log:  func(k hooks.Kind, hook, line string) { r.Log.Infof("%s hook %s: %s", k, hook, line) },
		Warn: func(err error) { r.Log.Warnf("%v", err) },
	}
	if kind != hooks.Poststart && kind != hooks.Poststop { // that process may be over by then
		runner.Container, runner.Interrupt = init, c.interrupt.Fd()
	}
	if kind == hooks.CreateContainer || kind == hooks.StartContainer {
		j, err := c.joining(init)
		if err != nil {
			return err
		}
		join := &hookJoining{joining: j, interrupt: c.interrupt}
		join.in = birth.HookInput{
			Input:      birth.Input{Spec: config, Host: &birth.Host{Rootfs: c.record.Rootfs}},
			Namespaces: j.namespaces, Confined: kind == hooks.StartContainer,
		}
		if join.in.Confined {
			if err := join.confine(c); err != nil {
				return err
			}
			defer join.entry.Close()
		}
		runner.Start = func(h specs.Hook, stdin, output int) (int, error) { return join.start(r, h, stdin, output) }
	}
	err = runner.Run(kind, list, text)
	if runner.Interrupt >= 0 {
		err = c.interrupt.Err(err)
	}
	return err
}

// hookJoining starts hooks in the namespaces of a container.
type hookJoining struct {
	joining
	in        birth.HookInput
	entry     cgroups.Entry           // to the container's cgroup
	interrupt *interrupt.Interruption // nil: never
}

// confine finds out what the container's restrictions depend on.
func (j *hookJoining) confine(c *container) error {
	if err := host.Inherited(j.in.Host); err != nil {
		return err
	}
	if p := j.in.Spec.Process; p.ApparmorProfile != "" && host.HasAppArmor() || p.SelinuxLabel != "" && host.HasSELinux() {
		return errors.New("hooks.startContainer: not supported yet under an AppArmor profile or a SELinux label")
	}
	kept, err := c.dir.Exec()
	if err != nil {
		return err
	}
	j.in.Filter = kept.Filter
	m := c.cgroup()
	defer m.Close()
	j.in.Host.CgroupFiles = m.EntryFiles()
	entry, err := m.Entry(false)
	if err == nil {
		j.entry = entry
	}
	return err
}

// start starts a hook in the container's namespaces, as the leader of a process
// group and a child of this process, and returns when it was executed.
func (j *hookJoining) start(r *Runtime, h specs.Hook, stdin, output int) (int, error) {
	in := j.in
	in.Hook = h
	p, err := birth.CompileHook(&in)
	if err != nil {
		return 0, err
	}
	files := map[string]int{birth.FileStdin: stdin, birth.FileOutput: output}
	e, err := r.launchEntrant(p, j.init, files, giveFiles(&j.entry, files))
	if err != nil {
		return 0, err
	}
	defer e.release()
	e.interrupt = j.interrupt
	return e.enter(nil)
}

// reap waits for the end of a child.
func reap(pid int) (status unix.WaitStatus) {
	for {
		if _, err := unix.Wait4(pid, &status, 0, nil); err != unix.EINTR {
			return status
		}
	}
}

// launchProgram runs a program in this process's own namespaces, in the cgroup v2
// directory if that is not 0.
func (r *Runtime) launchProgram(p *nsenter.Program, files map[string]int, cgroup int) (*nsenter.Child, error) {
	memory, err := nsenter.Assemble(p, files)
	if err != nil {
		return nil, err
	}
	image, err := nsenter.NewImage(p, memory, r.ImageDir, r.imageDirs()...)
	if err != nil {
		return nil, err
	}
	defer image.Close()
	return nsenter.Launch(image, nsenter.Options{Files: files, Cgroup: cgroup})
}

// imageDirs are where an image may lie if it cannot be in memory.
func (r *Runtime) imageDirs() []string {
	return []string{r.Store.Root(), "/dev/shm", "/var/tmp", "/tmp"}
}

// runSources runs the program that provides what a user namespace may not open.
func (c *creation) runSources() error {
	c.r.at("opening bind sources and devices")
	report, err := newReport()
	if err != nil {
		return err
	}
	defer unix.Close(report)
	child, err := c.r.launchProgram(c.birth.Sources, map[string]int{birth.FileReport: report, birth.FileSync: c.socket, birth.FileInit: c.pidfd}, 0)
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
