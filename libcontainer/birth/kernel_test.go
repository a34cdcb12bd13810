package birth

import (
	"encoding/binary"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// fakeKernel is a kernel for birth programs, as far as descriptors and the
// container's tree go: a set of paths, and symlinks. Whatever else is asked for
// succeeds.
type fakeKernel struct {
	all       bool              // every path exists, files and directories as asked for
	tree      map[string]uint64 // mode of the container's files by path, without a leading slash
	rdev      map[string]uint64 // of devices, major and minor as statx has them
	links     map[string]string // symlinks of the container: where they lead
	inherited []uint64          // what the caller has open, too
	fail      func(name, path string) unix.Errno
	old       bool   // Linux before 6.17: a procfs has no option pidns
	full      bool   // the cgroup, for the first clone
	gone      bool   // the launcher closes its end instead of answering
	parent    uint64 // what clone returns

	trace    []string              // the name of each call, and the path that it was about
	tags     string                // what the launcher was sent
	came     []int                 // how many descriptors with each of them
	attached []string              // what in the container's tree mounts were attached to
	tops     map[string]*fakeMount // the mounts that were attached there last
	report   nsenter.Report

	present []uint64 // the descriptors that were there at execve
	passed  []uint64 // those of them that it does not close

	t    testing.TB
	in   *nsenter.Interpreter
	fds  map[uint64]file
	sync uint64
	next uint64
	left []string // descriptors that are open where all are to be closed

	closed []file // by closing all
}

func (k *fakeKernel) run(t testing.TB, p *nsenter.Program) {
	t.Helper()
	m, files := assemble(t, p)
	k.t = t
	k.give(files)
	if k.tree == nil {
		k.tree = map[string]uint64{}
	}
	if k.rdev == nil {
		k.rdev = map[string]uint64{}
	}
	k.tops = map[string]*fakeMount{}
	k.in = &nsenter.Interpreter{}
	step := 0
	k.in.Trace = func(i int) { step = i }
	k.in.Syscall = func(nr uintptr, args [6]uint64) (uint64, unix.Errno) {
		name := nsenter.SyscallName(nr)
		for _, i := range descriptors(name) {
			args[i] = uint64(uint32(args[i])) // the kernel takes an int
			if _, open := k.fds[args[i]]; !open && int32(args[i]) != unix.AT_FDCWD {
				t.Errorf("step %d (%s) %s: descriptor %d is not open",
					step, p.Steps[step].Label, p.StepString(step), int32(args[i]))
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

func (k *fakeKernel) call(name string, args [6]uint64) (uint64, unix.Errno) {
	switch name {
	case "openat", "socket", "accept4":
		return k.open(name)
	case "fsopen", "fspick", "fsconfig", "fsmount", "open_tree", "mount_setattr", "move_mount":
		return k.mounts(name, args)
	case "fchmodat":
		if k.fds[args[0]].what == readonlyMount {
			return 0, unix.EROFS
		}
	case "openat2":
		return k.openat2(args)
	case "fcntl":
		return k.fcntl(args[0], args[1], args[2])
	case "dup3":
		return k.dup3(args[0], args[1], args[2])
	case "ioctl":
		if args[1] == 0x5441 { // TIOCGPTPEER
			return k.open("terminal")
		}
	case "close":
		if args[0] < 3 {
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
		k.fstatfs(args)
	case "write":
		if args[0] == k.sync {
			k.tags, k.came = k.tags+string(k.bytes(args[1], 1)), append(k.came, 0)
		}
		return args[2], 0
	case "sendmsg":
		k.sendmsg(args)
		return 1, 0
	case "read":
		if args[0] == k.sync && !k.gone {
			return 1, 0
		}
	case "recvmsg":
		fd, _ := k.openMount("received", nil)
		k.put(k.word(args[1]+32), 20)
		k.put(k.word(args[1]+32)+16, fd)
		return 1, 0
	case "clone":
		if k.full {
			k.full = false
			return 0, unix.EAGAIN
		}
		return k.parent, 0
	case "getpid":
		return 4711, 0
	case "futex": // the launcher has done its part
		k.put(args[0], args[2]+1)
		return 0, unix.EAGAIN
	case "close_range":
		k.closeRange(uint32(args[0]), uint32(args[1]), args[2])
	case "seccomp":
		return k.seccomp(args[1])
	case "execve":
		k.execve()
	}
	return 0, 0
}

// seccomp loads a filter. What may be asked for then is the launcher's to take.
func (k *fakeKernel) seccomp(flags uint64) (uint64, unix.Errno) {
	if flags&unix.SECCOMP_FILTER_FLAG_NEW_LISTENER == 0 {
		return 0, 0
	}
	const turn = 0x410000 + 40 // in the report page
	k.put(turn, nsenter.ListenerTurn)
	return k.open("listener")
}

func (k *fakeKernel) fstatfs(args [6]uint64) {
	magic := uint64(unix.PROC_SUPER_MAGIC)
	if strings.Contains(k.fds[args[0]].what, "pts") {
		magic = 0x1cd1
	}
	k.put(args[1], magic)
}

func (k *fakeKernel) sendmsg(args [6]uint64) {
	k.tags += string(k.bytes(k.word(k.word(args[1]+16)), 1))
	k.came = append(k.came, int(k.word(args[1]+40))/24) // CMSG_SPACE of one descriptor
	if strings.HasSuffix(k.tags, string(rune(TagCopyUp))) {
		for _, f := range k.fds {
			if f.what == "a duplicate of "+readonlyMount {
				k.t.Error("what is to be copied to cannot be written")
			}
		}
	}
}

func (k *fakeKernel) openat2(args [6]uint64) (uint64, unix.Errno) {
	p := k.str(args[1])
	if k.word(args[2]+16)&unix.RESOLVE_IN_ROOT == 0 { // below the procfs or devpts
		return k.open(k.fds[args[0]].what + "/" + p)
	}
	p, errno := k.follow(p, k.word(args[2]), k.word(args[2]+16))
	mode, ok := k.tree[p]
	switch {
	case errno != 0:
		return 0, errno
	case k.all || p == "" || ok && (mode&unix.S_IFMT == unix.S_IFDIR || k.word(args[2])&unix.O_DIRECTORY == 0):
		fd, _ := k.open("root:" + p)
		k.fds[fd] = file{what: "root:" + p, mount: k.tops[p]}
		return fd, 0
	case ok:
		return 0, unix.ENOTDIR
	case p == "dev/pts":
		return k.open("pts")
	}
	return 0, unix.ENOENT
}

// follow is where a path leads to within the root.
func (k *fakeKernel) follow(p string, flags, resolve uint64) (string, unix.Errno) {
	done, rest := "/", strings.Split(p, "/")
	for followed := 0; len(rest) > 0; {
		next := path.Join(done, rest[0])
		rest = rest[1:]
		to, ok := k.links[next[1:]]
		if !ok || len(rest) == 0 && flags&unix.O_NOFOLLOW != 0 {
			done = next
			continue
		}
		if followed++; followed > 40 || resolve&unix.RESOLVE_NO_SYMLINKS != 0 {
			return "", unix.ELOOP
		}
		if rest = append(strings.Split(to, "/"), rest...); path.IsAbs(to) {
			done = "/"
		}
	}
	return done[1:], 0
}

// inTree is the path of a name below a descriptor.
func (k *fakeKernel) inTree(fd, name uint64) string {
	dir := strings.TrimPrefix(k.fds[fd].what, "root:")
	if dir == "open_tree" || dir == "openat" || dir == "fsmount" {
		dir = ""
	}
	return path.Join(dir, k.str(name))
}

func (k *fakeKernel) make(args [6]uint64, mode, rdev uint64) (uint64, unix.Errno) {
	p := k.inTree(args[0], args[1])
	if k.tree[p] != 0 || k.links[p] != "" {
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
	case k.fds[args[0]].what == "openat": // /dev/null
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
