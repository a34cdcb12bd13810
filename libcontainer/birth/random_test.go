package birth

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/spec"
)

// chooser makes decisions out of bytes; behind their end every one is the first.
type chooser struct{ bytes []byte }

func (c *chooser) below(n int) int {
	if len(c.bytes) == 0 {
		return 0
	}
	b := c.bytes[0]
	c.bytes = c.bytes[1:]
	return int(b) % n
}

// sometimes is true once in n times.
func (c *chooser) sometimes(n int) bool { return c.below(n) == n-1 }

func choose[T any](c *chooser, list ...T) T { return list[c.below(len(list))] }

// rarely is a value that leads to an error now and then, otherwise one of a list.
func rarely[T any](c *chooser, wrong T, list ...T) T {
	if c.sometimes(40) {
		return wrong
	}
	return choose(c, list...)
}

// some are a few of a list.
func some[T any](c *chooser, list ...T) (few []T) {
	for range c.below(4) {
		few = append(few, choose(c, list...))
	}
	return few
}

// randomInput is a config that spec.Validate may accept, with a host for it.
func randomInput(b []byte) *Input {
	c := &chooser{b}
	s := &specs.Spec{
		Version: specs.Version, Root: &specs.Root{Path: "rootfs", Readonly: c.sometimes(2)}, Linux: &specs.Linux{},
	}
	c.namespaces(s.Linux)
	if !c.sometimes(20) {
		s.Process = c.process()
	}
	for range c.below(8) {
		s.Mounts = append(s.Mounts, c.mount())
	}
	c.linux(s.Linux)
	s.Hostname = choose(c, "", "host")
	if c.sometimes(4) {
		s.Hooks = &specs.Hooks{CreateContainer: []specs.Hook{{Path: "/bin/hook"}}}
	}

	in := inputFor(s)
	if c.sometimes(4) {
		for i := range in.Mounts {
			if m := &in.Mounts[i]; m.Target == "/dst-a" {
				m.Target = "/dst-resolved/a"
			}
		}
	}
	c.host(in.Host)
	in.Gate = choose(c, GateSocket, GateSync)
	in.NoPivot, in.NoNewKeyring, in.PreserveFds = c.sometimes(5), c.sometimes(5), c.below(3)
	if s.Process != nil && c.sometimes(3) {
		in.Candidates, in.Behind = []string{"/usr/local/bin/x", "/usr/bin/x", "/bin/x"}[c.below(3):], true
	}
	if c.sometimes(3) {
		in.Filter = c.filter()
	}
	return in
}

// filter is one that allows all, or all but a few, or only a few of the calls that programs
// make last.
func (c *chooser) filter() *seccomp.Filter {
	late := []string{"capset", "prctl", "setresuid", "clone", "setsid", "ioctl", "prlimit64", "close_range", "read",
		"write",
		"accept4", "madvise", "close", "dup3", "openat2", "exit_group", "execve"}
	s := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
	switch c.below(4) {
	case 1:
		s.Syscalls = []specs.LinuxSyscall{{Names: some(c, late...), Action: specs.ActErrno}}
	case 2:
		s.DefaultAction = specs.ActErrno
		s.Syscalls = []specs.LinuxSyscall{{Names: late[c.below(len(late)):], Action: specs.ActAllow}}
	}
	if c.sometimes(3) {
		s.Syscalls = append(s.Syscalls, specs.LinuxSyscall{Action: specs.ActNotify,
			Names: some(c, "execve", "mount", "sendmsg", "openat", "setsid")})
	}
	s.Syscalls = slices.DeleteFunc(s.Syscalls, func(s specs.LinuxSyscall) bool { return len(s.Names) == 0 })
	f, err := seccomp.Compile(s)
	if err != nil {
		panic(err)
	}
	return f
}

// randomExec is a further process with the same choices, and those that only it has.
func randomExec(b []byte) *ExecInput {
	in := &ExecInput{Input: *randomInput(b)}
	c := &chooser{b}
	for _, ns := range spec.Namespaces() {
		if !c.sometimes(4) {
			in.Namespaces |= ns.Flag
		}
	}
	if in.Spec.Process == nil {
		in.Spec.Process = &specs.Process{Args: []string{"x"}, Cwd: "/"}
	}
	if in.Namespaces&unix.CLONE_NEWNS == 0 {
		in.Chroot = in.Host.Rootfs
	}
	p := in.Spec.Process
	if c.sometimes(4) {
		p.Rlimits = append(p.Rlimits, specs.POSIXRlimit{Type: "RLIMIT_NPROC", Soft: 1, Hard: 2})
	}
	if c.sometimes(4) {
		p.Scheduler = &specs.Scheduler{Policy: choose(c, specs.SchedDeadline, specs.SchedFIFO, specs.SchedBatch),
			Flags: some(c, specs.SchedFlagResetOnFork)}
	}
	return in
}

func (c *chooser) namespaces(l *specs.Linux) {
	for _, t := range []specs.LinuxNamespaceType{
		specs.MountNamespace, specs.PIDNamespace, specs.NetworkNamespace, specs.IPCNamespace,
		specs.UTSNamespace, specs.CgroupNamespace, specs.UserNamespace, specs.TimeNamespace,
	} {
		n := c.below(6)
		if t == specs.MountNamespace && !c.sometimes(12) {
			n %= 4
		}
		switch n {
		case 0, 1, 2:
			l.Namespaces = append(l.Namespaces, specs.LinuxNamespace{Type: t})
		case 3:
			l.Namespaces = append(l.Namespaces, specs.LinuxNamespace{Type: t, Path: "/run/ns/" + string(t)})
		}
	}
	l.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1000, Size: 10}}
	l.GIDMappings = l.UIDMappings
}

func (c *chooser) process() *specs.Process {
	names := []string{"CAP_KILL", "CAP_SYS_ADMIN", "CAP_CHOWN", "CAP_NO_SUCH"}
	p := &specs.Process{
		Terminal: c.sometimes(3), Args: []string{"x"}, Env: []string{"PATH=/bin"},
		Cwd:             choose(c, "/", "/dst-cwd", "/dst-cwd/below", "/dst-cwd/./x"),
		NoNewPrivileges: c.sometimes(2),
		User: specs.User{UID: uint32(c.below(3)), GID: uint32(c.below(3)),
			AdditionalGids: some(c, uint32(5), 6)},
	}
	if !c.sometimes(3) {
		permitted := some(c, names...)
		p.Capabilities = &specs.LinuxCapabilities{
			Bounding: some(c, names...), Permitted: permitted, Effective: permitted,
			Inheritable: some(c, names...), Ambient: some(c, names...),
		}
	}
	if c.sometimes(3) {
		kind := rarely(c, "RLIMIT_NONE", "RLIMIT_NOFILE", "RLIMIT_CORE")
		p.Rlimits = []specs.POSIXRlimit{{Type: kind, Soft: 1, Hard: 2}}
	}
	if c.sometimes(4) {
		p.OOMScoreAdj = pointer(100)
	}
	if c.sometimes(6) {
		p.Scheduler = &specs.Scheduler{Policy: choose(c, specs.SchedFIFO, specs.SchedBatch), Priority: 1}
	}
	if c.sometimes(4) {
		p.ApparmorProfile, p.SelinuxLabel = "profile", "label"
	}
	return p
}

func (c *chooser) mount() specs.Mount {
	destination := rarely(c, choose(c, "/dst-a/../b", "/"), "/proc", "/dev", "/dev/pts", "/sys", "/sys/fs/cgroup",
		"/dst-a", "/dst-a/b/c/d", "dst-relative/x", "/dst-a//./b/", "/dst-sp ace/\n")
	m := specs.Mount{Destination: destination, Source: rarely(c, "", "/src-file", "src-relative", "/src dir/x")}
	switch c.below(7) {
	case 0, 1:
		m.Type, m.Options = choose(c, "bind", "none"), []string{choose(c, "bind", "rbind")}
	case 2:
		m.Type = "tmpfs"
	case 3:
		m.Type = rarely(c, "", "proc", "sysfs", "mqueue", "devpts", "ext4")
	case 4:
		m.Type = "cgroup"
	case 5:
		m.Options = []string{"remount"}
	case 6:
		m.Type, m.Options = "tmpfs", []string{"tmpcopyup"}
	}
	names := append(spec.MountOptionNames(), "size=1", "mode=700", "flag")
	names = slices.DeleteFunc(names, func(name string) bool {
		return strings.HasSuffix(name, "idmap") && !c.sometimes(40)
	})
	m.Options = append(m.Options, some(c, names...)...)
	return m
}

func (c *chooser) linux(l *specs.Linux) {
	for range c.below(4) {
		d := specs.LinuxDevice{
			Path: rarely(c, "/", "/dev/dst-one", "/dev/dst-dir/two", "/dev/null", "/dst-device"),
			Type: rarely(c, "x", "c", "b", "p", "u"), Major: 1, Minor: 3,
		}
		if c.sometimes(2) {
			d.FileMode, d.UID = pointer(os.FileMode(0o600)), pointer(uint32(5))
		}
		l.Devices = append(l.Devices, d)
	}
	l.MaskedPaths = some(c, "/proc/kcore", "/dst-masked/x", "/dst-masked")
	l.ReadonlyPaths = some(c, "/proc/sys", "/dst-readonly/x")
	l.RootfsPropagation = choose(c, "", "", "slave", "rslave", "private", "rprivate", "shared", "rshared", "unbindable",
		"runbindable")
	if c.sometimes(3) {
		l.Sysctl = map[string]string{"net.ipv4.ip_forward": "1"}
	}
	if c.sometimes(6) {
		l.NetDevices = map[string]specs.LinuxNetDevice{"eth1": {}}
	}
	if c.sometimes(6) {
		nodes := rarely(c, choose(c, "2000", "x"), "0", "0-3", "")
		l.MemoryPolicy = &specs.LinuxMemoryPolicy{Mode: specs.MpolInterleave, Nodes: nodes}
	}
	if c.sometimes(6) {
		l.MountLabel = "label"
	}
	if c.sometimes(6) {
		l.TimeOffsets = map[string]specs.LinuxTimeOffset{"monotonic": {Secs: 1}}
	}
}

func (c *chooser) host(h *Host) {
	h.AppArmor, h.SELinux = c.sometimes(2), c.sometimes(2)
	if c.sometimes(3) {
		h.Hierarchies = nil
	}
	if c.sometimes(3) {
		h.CgroupFiles = nil
	}
	if c.sometimes(4) {
		h.Bounding = 1<<5 | 1
	}
	if c.sometimes(4) {
		h.IgnoredSignals = nil
	}
	if c.sometimes(4) {
		h.Lacks = Lacks{Admin: c.sometimes(2), Tracing: c.sometimes(2), Groups: c.sometimes(2), Nodes: c.sometimes(2)}
	}
}

// randomSeeds are the same at every run.
func randomSeeds(n int) [][]byte {
	list := make([][]byte, n)
	for i := range list {
		r := rand.New(rand.NewPCG(uint64(i), 2))
		list[i] = make([]byte, 40+r.IntN(200))
		for j := range list[i] {
			list[i][j] = byte(r.Uint32())
		}
	}
	return list
}

// decideAndCompile also has the errors of mounts.
func decideAndCompile(in *Input) (*Birth, error) {
	if _, err := Mounts(in.Spec, "/bundle"); err != nil {
		return nil, err
	}
	return Compile(in)
}

// FuzzCompile judges the programs of random configs, and follows each once with
// nothing in the container's tree, and once with everything there.
func FuzzCompile(f *testing.F) {
	for _, seed := range randomSeeds(150) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := randomInput(b)
		birth, err := decideAndCompile(in)
		if err != nil {
			if !namesProperty(err.Error()) {
				t.Errorf("the error does not begin with a property: %v", err)
			}
			return
		}
		judgeBirth(t, in, birth)
		for _, k := range []*fakeKernel{{}, {all: true}} {
			k.run(t, birth.Program)
			if k.report.Failed >= 0 && !mayFail(in, k, birth.Program.Steps[k.report.Failed].Label) {
				t.Errorf("everything there: %v: %v", k.all, birth.Program.Failure(k.report))
			}
			for _, p := range birth.Sources {
				(&fakeKernel{all: k.all}).run(t, p)
			}
		}
	})
}

// mayFail knows the failures that a config itself is the reason for.
func mayFail(in *Input, k *fakeKernel, label string) bool {
	switch {
	case strings.HasPrefix(label, "executing nothing"):
		return len(in.Candidates) == 0
	case strings.HasPrefix(label, "remounting "):
		return !k.all
	case strings.HasPrefix(label, "binding the host's "): // this kernel has no nodes
		return true
	case strings.HasPrefix(label, "checking that the existing "): // two devices of one path
		kinds := map[string]string{}
		for _, d := range in.Spec.Linux.Devices {
			if kind, ok := kinds[d.Path]; ok && kind != d.Type {
				return true
			}
			kinds[d.Path] = d.Type
		}
	}
	return false
}

func namesProperty(text string) bool {
	for _, property := range []string{"linux.", "mounts[", "process.", "root."} {
		if strings.HasPrefix(text, property) {
			return true
		}
	}
	return false
}

// TestRandomConfigsCompile makes sure that FuzzCompile's seeds are worth it.
func TestRandomConfigsCompile(t *testing.T) {
	compiled, users, errors := 0, 0, map[string]bool{}
	for _, seed := range randomSeeds(150) {
		birth, err := decideAndCompile(randomInput(seed))
		if err != nil {
			errors[err.Error()] = true
			continue
		}
		compiled++
		if birth.Sources != nil {
			users++
		}
	}
	if compiled < 75 || users < 20 || len(errors) < 10 {
		t.Errorf("%d configs compile, %d of them with sources; the others have %d errors", compiled, users, len(errors))
	}
}

// TestSizeIsLinear compares programs of configs with more and more mounts.
func TestSizeIsLinear(t *testing.T) {
	sizes := func(mounts int) (steps, bytes int) {
		s := spec.Default()
		for i := range mounts {
			s.Mounts = append(s.Mounts, specs.Mount{
				Destination: fmt.Sprintf("/volumes/%04d", i), Type: "bind", Source: fmt.Sprintf("/data/%04d", i),
				Options: []string{"rbind", "ro"},
			})
		}
		birth, err := Compile(inputFor(s))
		if err != nil {
			t.Fatal(err)
		}
		m, _ := assemble(t, birth.Program)
		return len(birth.Program.Steps), len(m.ReadOnly) + len(m.Writable)
	}
	steps0, bytes0 := sizes(0)
	steps1, bytes1 := sizes(100)
	steps2, bytes2 := sizes(200)
	if steps2-steps1 != steps1-steps0 || (steps1-steps0)%100 != 0 {
		t.Errorf("%d steps, with 100 mounts %d, with 200 %d", steps0, steps1, steps2)
	}
	if d1, d2 := bytes1-bytes0, bytes2-bytes1; d2 > d1 || d2 < d1-1024 { // the name of a directory is kept once
		t.Errorf("%d bytes, with 100 mounts %d, with 200 %d", bytes0, bytes1, bytes2)
	}
}
