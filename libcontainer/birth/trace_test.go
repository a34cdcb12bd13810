package birth

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// fakeKernel is a kernel for birth programs, as far as descriptors and the
// container's tree go: a set of paths without symlinks. Whatever else is asked
// for succeeds.
type fakeKernel struct {
	all    bool              // every path exists, files and directories as asked for
	tree   map[string]uint64 // mode of the container's files by path, without a leading slash
	rdev   map[string]uint64 // of devices, major and minor as statx has them
	fail   func(name, path string) unix.Errno
	gone   bool   // the launcher closes its end instead of answering
	parent uint64 // what clone3 returns

	trace  []string // the name of each call, and the path that it was about
	tags   string   // what the launcher was sent
	report nsenter.Report

	t    testing.TB
	in   *nsenter.Interpreter
	fds  map[uint64]string // open descriptors: what they are
	sync uint64
	next uint64
	left []string // descriptors that are open where all are to be closed
}

const readonlyMount = "fsmount, read-only"

// descriptors tells which arguments of a call are descriptors.
func descriptors(name string) []int {
	switch name {
	case "symlinkat":
		return []int{1}
	case "move_mount":
		return []int{0, 2}
	case "accept4", "close", "dup3", "fchdir", "fchmodat", "fchown", "fchownat", "fcntl", "fsconfig", "fsmount", "fspick", "fstatfs",
		"ioctl", "mkdirat", "mknodat", "mount_setattr", "open_tree", "openat", "openat2", "read", "recvmsg", "sendmsg", "setns", "statx",
		"unlinkat", "write":
		return []int{0}
	}
	return nil
}

func (k *fakeKernel) run(t testing.TB, p *nsenter.Program) {
	t.Helper()
	m, files := assemble(t, p)
	k.t, k.fds, k.next = t, map[uint64]string{0: "stdin", 1: "stdout", 2: "stderr"}, 1000
	for name, fd := range files {
		k.fds[uint64(fd)] = "<" + name + ">"
	}
	k.sync = uint64(files[FileSync])
	if k.tree == nil {
		k.tree = map[string]uint64{}
	}
	if k.rdev == nil {
		k.rdev = map[string]uint64{}
	}
	k.in = &nsenter.Interpreter{}
	step := 0
	k.in.Trace = func(i int) { step = i }
	k.in.Syscall = func(nr uintptr, args [6]uint64) (uint64, unix.Errno) {
		name := nsenter.SyscallName(nr)
		for _, i := range descriptors(name) {
			fd := args[i]
			if _, open := k.fds[uint64(uint32(fd))]; !open && int32(fd) != unix.AT_FDCWD {
				t.Errorf("step %d (%s) %s: descriptor %d is not open", step, p.Steps[step].Label, p.StepString(step), int32(fd))
				return 0, unix.EBADF
			}
		}
		where := p.Steps[min(step, len(p.Steps)-1)].Path()
		if k.trace = append(k.trace, strings.TrimSpace(name+" "+where)); k.fail != nil {
			if errno := k.fail(name, where); errno != 0 {
				return 0, errno
			}
		}
		return k.call(name, args)
	}
	var err error
	if k.report, err = k.in.Run(m); err != nil {
		t.Errorf("step %d (%s) %s: %v", step, p.Steps[step].Label, p.StepString(step), err)
	}
	if len(k.left) > 0 {
		t.Errorf("open at the end: %v", k.left)
	}
}

func (k *fakeKernel) open(what string) (uint64, unix.Errno) {
	k.next++
	k.fds[k.next] = what
	return k.next, 0
}

func (k *fakeKernel) call(name string, args [6]uint64) (uint64, unix.Errno) {
	switch name {
	case "openat", "fsopen", "fspick", "open_tree", "socket", "accept4":
		return k.open(name)
	case "fsmount":
		if args[2]&unix.MOUNT_ATTR_RDONLY != 0 {
			return k.open(readonlyMount)
		}
		return k.open(name)
	case "mount_setattr":
		if k.fds[args[0]] == "fsmount" && k.word(args[3])&unix.MOUNT_ATTR_RDONLY != 0 {
			k.fds[args[0]] = readonlyMount
		}
	case "fchmodat":
		if k.fds[args[0]] == readonlyMount {
			return 0, unix.EROFS
		}
	case "openat2":
		return k.openat2(args)
	case "fcntl":
		return k.open("a duplicate of " + k.fds[uint64(uint32(args[0]))])
	case "ioctl":
		if args[1] == 0x5441 { // TIOCGPTPEER
			return k.open("terminal")
		}
	case "close":
		if args[0] = uint64(uint32(args[0])); args[0] < 3 {
			k.t.Errorf("the standard stream %d is closed", args[0])
		}
		delete(k.fds, args[0])
	case "mkdirat":
		return k.make(args, unix.S_IFDIR, 0)
	case "mknodat":
		return k.make(args, args[2], uint64(unix.Major(args[3]))|uint64(unix.Minor(args[3]))<<32)
	case "statx":
		k.statx(args)
	case "fstatfs":
		magic := uint64(unix.PROC_SUPER_MAGIC)
		if strings.Contains(k.fds[args[0]], "pts") {
			magic = 0x1cd1
		}
		k.put(args[1], magic)
	case "write":
		if args[0] == k.sync {
			k.tags += string(k.bytes(args[1], 1))
		}
		return args[2], 0
	case "sendmsg":
		k.tags += string(k.bytes(k.word(k.word(args[1]+16)), 1))
		if strings.HasSuffix(k.tags, string(rune(TagCopyUp))) && slices.Contains(slices.Collect(maps.Values(k.fds)), "a duplicate of "+readonlyMount) {
			k.t.Error("what is to be copied to cannot be written")
		}
		return 1, 0
	case "read":
		if args[0] == k.sync && !k.gone {
			return 1, 0
		}
	case "recvmsg":
		fd, _ := k.open("received")
		k.put(k.word(args[1]+32), 20)
		k.put(k.word(args[1]+32)+16, fd)
		return 1, 0
	case "clone3":
		return k.parent, 0
	case "close_range":
		if args[2] != 0 && uint32(args[1]) == ^uint32(0) { // all, and only at execve
			k.leftovers()
		}
	}
	return 0, 0
}

// leftovers are the descriptors that only close_range closes, but for the root,
// which is used up to the last, and what the launcher gave.
func (k *fakeKernel) leftovers() {
	for fd, what := range k.fds {
		if fd > 2 && what != "accept4" && !strings.HasPrefix(what, "<") {
			k.left = append(k.left, what)
		}
	}
	slices.Sort(k.left)
	if i := slices.Index(k.left, "open_tree"); i >= 0 { // with a mount namespace the root is a clone
		k.left = slices.Delete(k.left, i, i+1)
	} else if i := slices.Index(k.left, "openat"); i >= 0 {
		k.left = slices.Delete(k.left, i, i+1)
	}
}

func (k *fakeKernel) openat2(args [6]uint64) (uint64, unix.Errno) {
	p := k.str(args[1])
	if k.word(args[2]+16)&unix.RESOLVE_IN_ROOT == 0 { // below the procfs
		return k.open("/proc/" + p)
	}
	p = path.Clean("/" + p)[1:]
	mode, ok := k.tree[p]
	switch {
	case k.all || p == "" || ok && (mode&unix.S_IFMT == unix.S_IFDIR || k.word(args[2])&unix.O_DIRECTORY == 0):
		return k.open("root:" + p)
	case ok:
		return 0, unix.ENOTDIR
	case p == "dev/pts/ptmx":
		return k.open("pts")
	}
	return 0, unix.ENOENT
}

// inTree is the path of a name below a descriptor.
func (k *fakeKernel) inTree(fd, name uint64) string {
	dir := strings.TrimPrefix(k.fds[fd], "root:")
	if dir == "open_tree" || dir == "openat" || dir == "fsmount" {
		dir = ""
	}
	return path.Join(dir, k.str(name))
}

func (k *fakeKernel) make(args [6]uint64, mode, rdev uint64) (uint64, unix.Errno) {
	p := k.inTree(args[0], args[1])
	if _, ok := k.tree[p]; ok {
		return 0, unix.EEXIST
	}
	k.tree[p], k.rdev[p] = mode, rdev
	return 0, 0
}

func (k *fakeKernel) statx(args [6]uint64) {
	mode, rdev := uint64(unix.S_IFDIR), uint64(0)
	switch p := k.inTree(args[0], args[1]); {
	case k.tree[p] != 0:
		mode, rdev = k.tree[p], k.rdev[p]
	case k.fds[args[0]] == "openat": // /dev/null
		mode, rdev = unix.S_IFCHR, 1|3<<32
	}
	k.put(args[4]+24, mode<<32)
	k.put(args[4]+128, rdev)
}

func (k *fakeKernel) bytes(addr uint64, size int) []byte {
	b, err := k.in.Bytes(addr, size)
	if err != nil {
		k.t.Error(err)
		return make([]byte, size)
	}
	return b
}

func (k *fakeKernel) word(addr uint64) uint64 { return binary.NativeEndian.Uint64(k.bytes(addr, 8)) }

func (k *fakeKernel) put(addr, value uint64) {
	binary.NativeEndian.PutUint64(k.bytes(addr, 8), value)
}

func (k *fakeKernel) str(addr uint64) string {
	var b []byte
	for ; ; addr++ {
		c := k.bytes(addr, 1)[0]
		if c == 0 {
			return string(b)
		}
		b = append(b, c)
	}
}

func compiled(t *testing.T, in *Input) *Birth {
	t.Helper()
	birth, err := Compile(in)
	if err != nil {
		t.Fatal(err)
	}
	return birth
}

// about are the calls of a trace from the first that is about a path on.
func about(trace []string, from, to string) []string {
	i := slices.Index(trace, from)
	if i < 0 {
		return nil
	}
	j := slices.Index(trace[i:], to)
	if j < 0 {
		return trace[i:]
	}
	return trace[i : i+j+1]
}

func TestTraceOfTheDefault(t *testing.T) {
	birth := compiled(t, defaultInput())
	for _, k := range []*fakeKernel{{}, {all: true}} {
		k.run(t, birth.Program)
		if err := birth.Program.Failure(k.report); err != nil {
			t.Errorf("everything there: %v: %v", k.all, err)
		}
		if got := k.trace[len(k.trace)-1]; got != "execve /bin/sh" {
			t.Errorf("the last call is %s", got)
		}
		if k.tags != "tr" {
			t.Errorf("the launcher is sent %q", k.tags)
		}
	}
}

func TestMissingDirectoriesAreMade(t *testing.T) {
	s := spec.Default()
	s.Mounts = []specs.Mount{{Destination: "/a/b/c", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=700"}}}
	s.Process.Terminal = false
	birth := compiled(t, inputFor(s))
	k := &fakeKernel{tree: map[string]uint64{"a": unix.S_IFDIR}}
	k.run(t, birth.Program)
	got := about(k.trace, "openat2 a/b/c", "move_mount")
	got = slices.DeleteFunc(got, func(call string) bool { return call == "close" })
	want := []string{"openat2 a/b/c", "mkdirat a", "openat2 a", "mkdirat b", "openat2 a/b", "mkdirat c", "openat2 a/b/c", "move_mount"}
	if !slices.Equal(got, want) {
		t.Errorf("calls %q\nwant  %q", got, want)
	}
	k = &fakeKernel{tree: map[string]uint64{"a/b/c": unix.S_IFDIR}}
	k.run(t, birth.Program)
	if got, want := about(k.trace, "openat2 a/b/c", "move_mount"), []string{"openat2 a/b/c", "move_mount"}; !slices.Equal(got, want) {
		t.Errorf("where the directory exists: calls %q\nwant  %q", got, want)
	}
}

func TestBindToAFile(t *testing.T) {
	s := spec.Default()
	s.Mounts = []specs.Mount{{Destination: "/etc/hosts", Type: "bind", Source: "/hosts", Options: []string{"bind"}}}
	s.Process.Terminal = false
	birth := compiled(t, inputFor(s))
	k := &fakeKernel{}
	k.run(t, birth.Program)
	if slices.Contains(k.trace, "mknodat hosts") {
		t.Error("a file is made for a source that is a directory")
	}
	k = &fakeKernel{tree: map[string]uint64{"": unix.S_IFREG}} // the source, as statx sees it
	k.run(t, birth.Program)
	if !slices.Contains(k.trace, "mknodat hosts") || slices.Contains(k.trace, "mkdirat hosts") {
		t.Errorf("no file is made for a source that is a file: %q", k.trace)
	}
}

func TestMissingPathsAreNotMasked(t *testing.T) {
	s := spec.Default()
	s.Mounts, s.Process.Terminal = nil, false
	s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = []string{"/dir", "/file", "/missing"}, []string{"/file/below", "/dir"}
	birth := compiled(t, inputFor(s))
	k := &fakeKernel{tree: map[string]uint64{"dir": unix.S_IFDIR, "file": unix.S_IFREG, "file/below": unix.S_IFREG}}
	k.fail = func(name, path string) unix.Errno {
		if name == "openat2" && path == "file/below" {
			return unix.ENOTDIR
		}
		return 0
	}
	k.run(t, birth.Program)
	if err := birth.Program.Failure(k.report); err != nil {
		t.Fatal(err)
	}
	mounted := map[string][]string{}
	current := ""
	for _, call := range k.trace {
		if p, ok := strings.CutPrefix(call, "openat2 "); ok {
			current = p
		}
		if call == "open_tree" || call == "move_mount" {
			mounted[current] = append(mounted[current], call)
		}
	}
	both := []string{"open_tree", "move_mount"}
	for p, want := range map[string][]string{"dir": slices.Concat(both, both), "file": both, "missing": nil, "file/below": nil} {
		if !slices.Equal(mounted[p], want) {
			t.Errorf("%s: %q, want %q", p, mounted[p], want)
		}
	}
}

func TestExistingDevices(t *testing.T) {
	s := spec.Default()
	s.Mounts, s.Process.Terminal = nil, false
	s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/sub/fuse", Type: "c", Major: 10, Minor: 229}}
	birth := compiled(t, inputFor(s))
	for _, c := range []struct {
		what  string
		mode  uint64
		rdev  uint64
		errno unix.Errno
	}{
		{"the device itself", unix.S_IFCHR | 0o600, 10 | 229<<32, 0},
		{"another device", unix.S_IFCHR | 0o600, 10 | 230<<32, unix.EEXIST},
		{"a block device", unix.S_IFBLK | 0o600, 10 | 229<<32, unix.EEXIST},
		{"a file", unix.S_IFREG | 0o600, 0, unix.EEXIST},
		{"a symlink", unix.S_IFLNK | 0o777, 0, unix.EEXIST},
	} {
		k := &fakeKernel{
			tree: map[string]uint64{"dev": unix.S_IFDIR, "dev/sub": unix.S_IFDIR, "dev/sub/fuse": c.mode},
			rdev: map[string]uint64{"dev/sub/fuse": c.rdev},
		}
		k.run(t, birth.Program)
		if c.errno == 0 {
			if k.report.Failed >= 0 {
				t.Errorf("%s: %v", c.what, birth.Program.Failure(k.report))
			}
			continue
		}
		want := "checking that the existing /dev/sub/fuse is the device that the config describes: test: file exists"
		if err := birth.Program.Failure(k.report); err == nil || err.Error() != want || k.report.Errno != c.errno {
			t.Errorf("%s: %v, want %s", c.what, err, want)
		}
	}
}

func TestLauncherIsGone(t *testing.T) {
	birth := compiled(t, defaultInput())
	k := &fakeKernel{all: true, gone: true}
	k.run(t, birth.Program)
	const want = "handing over the terminal: test: operation canceled"
	if err := birth.Program.Failure(k.report); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestExecutableBehindAMount follows the search for what execve is called with.
func TestExecutableBehindAMount(t *testing.T) {
	in := defaultInput()
	in.Spec.Process.Terminal = false
	in.Spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/hook"}}} // the answer to them is a 1
	in.Behind = true
	in.Candidates = []string{"/usr/local/bin/sh", "/usr/bin/sh", "/bin/sh"}
	birth := compiled(t, in)
	for _, there := range [][]string{in.Candidates, in.Candidates[1:], in.Candidates[2:], nil} {
		k := &fakeKernel{all: true, fail: func(name, path string) unix.Errno {
			if (name == "openat" || name == "execve") && strings.HasSuffix(path, "/sh") && !slices.Contains(there, path) {
				return unix.ENOENT
			}
			return 0
		}}
		k.run(t, birth.Program)
		err := birth.Program.Failure(k.report)
		if len(there) == 0 {
			var step *nsenter.StepError
			if !errors.As(err, &step) || step.Label != `exec: "sh": executable file not found in $PATH` {
				t.Errorf("nowhere: %v", err)
			}
			continue
		}
		if err != nil || k.trace[len(k.trace)-1] != "execve "+there[0] {
			t.Errorf("in %q: the last call is %s, %v", there, k.trace[len(k.trace)-1], err)
		}
	}
}

// TestEverySyscallMayFail lets each call of a program fail in turn: the program
// ends, and if it gives up, then with a label and the errno.
func TestEverySyscallMayFail(t *testing.T) {
	for name, in := range map[string]*Input{"everything": everythingInput(t), "joining": joiningInput(), "hostmounts": hostMountsInput()} {
		birth := compiled(t, in)
		whole := &fakeKernel{}
		whole.run(t, birth.Program)
		for i := range whole.trace {
			n := -1
			k := &fakeKernel{fail: func(name, _ string) unix.Errno {
				if n++; n == i {
					return unix.EIO
				}
				return 0
			}}
			k.run(t, birth.Program)
			if err := birth.Program.Failure(k.report); err != nil {
				if k.report.Errno != unix.EIO || err.(*nsenter.StepError).Label == "" {
					t.Errorf("%s, %s fails: %v", name, whole.trace[i], err)
				}
			} else if !slices.Contains([]string{"sched_setaffinity"}, whole.trace[i]) {
				t.Errorf("%s, %s fails, and nothing comes of it", name, whole.trace[i])
			}
		}
	}
}

// TestParentOfTheFirstProcess makes sure that the launched process ends once it
// has cloned the container's first process.
func TestParentOfTheFirstProcess(t *testing.T) {
	birth := compiled(t, joiningInput())
	if !birth.Clones || birth.Flags != 0 {
		t.Errorf("clones %v, flags %#x", birth.Clones, birth.Flags)
	}
	k := &fakeKernel{parent: 4711}
	k.run(t, birth.Program)
	if n := len(k.trace); k.report.Failed >= 0 || k.trace[n-2] != "clone3" || k.trace[n-1] != "exit_group" {
		t.Errorf("%+v, the last calls are %q", k.report, k.trace[n-2:])
	}
}

func TestGates(t *testing.T) {
	in := defaultInput()
	in.Spec.Process.Terminal = false
	hook := []specs.Hook{{Path: "/bin/hook"}}
	for _, c := range []struct {
		gate   Gate
		hooks  *specs.Hooks
		tags   string
		accept bool
	}{
		{GateSocket, nil, "r", true},
		{GateSocket, &specs.Hooks{StartContainer: hook}, "r", true},
		{GateSync, nil, "r", false},
		{GateSync, &specs.Hooks{Poststart: hook, Poststop: hook}, "r", false},
		{GateSync, &specs.Hooks{CreateContainer: hook, StartContainer: hook}, "hrg", false},
	} {
		in.Gate, in.Spec.Hooks = c.gate, c.hooks
		k := &fakeKernel{all: true}
		k.run(t, compiled(t, in).Program)
		if k.tags != c.tags || slices.Contains(k.trace, "accept4") != c.accept {
			t.Errorf("gate %d, hooks %+v: the launcher is sent %q", c.gate, c.hooks, k.tags)
		}
	}
}

func TestNothingToExecute(t *testing.T) {
	in := defaultInput()
	in.Spec.Process, in.Candidates, in.Env = nil, nil, nil
	birth := compiled(t, in)
	k := &fakeKernel{all: true}
	k.run(t, birth.Program)
	want := "executing nothing: the config has no process: test: " + unix.ENOEXEC.Error()
	if err := birth.Program.Failure(k.report); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestMountFailure makes sure that the kernel's words are read, and that the
// failure is that of the mount.
func TestMountFailure(t *testing.T) {
	birth := compiled(t, defaultInput())
	k := &fakeKernel{all: true, fail: func(name, _ string) unix.Errno {
		if name == "fsconfig" {
			return unix.EINVAL
		}
		return 0
	}}
	k.run(t, birth.Program)
	n := len(k.trace)
	if got := fmt.Sprint(k.trace[n-3:]); got != "[fsconfig read exit_group]" {
		t.Errorf("the last calls are %s", got)
	}
}

// TestReadOnlyTmpfs makes sure that a tmpfs gets its mode and its content before
// it becomes read-only.
func TestReadOnlyTmpfs(t *testing.T) {
	for _, options := range [][]string{{"ro"}, {"ro", "mode=755"}, {"ro", "tmpcopyup"}, {"rro"}, {"rro", "tmpcopyup"}} {
		s := spec.Default()
		s.Mounts = []specs.Mount{{Destination: "/a", Type: "tmpfs", Source: "tmpfs", Options: options}}
		s.Linux.MaskedPaths, s.Linux.ReadonlyPaths, s.Root.Readonly = nil, nil, false
		s.Process.Terminal = false
		birth := compiled(t, inputFor(s))
		k := &fakeKernel{all: true}
		k.run(t, birth.Program)
		if err := birth.Program.Failure(k.report); err != nil {
			t.Errorf("%v: %v", options, err)
		}
		if text := string(printBirth(t, birth)); !strings.Contains(text, "MOUNT_ATTR_RDONLY") {
			t.Errorf("%v: it is not read-only", options)
		}
	}
}
