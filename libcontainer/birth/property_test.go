package birth

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// judge collects what is wrong with a program.
type judge struct {
	t       testing.TB
	in      *Input
	birth   *Birth
	program *nsenter.Program
	lines   []line
}

// judgeBirth checks all that must hold for every config.
func judgeBirth(t testing.TB, in *Input, b *Birth) {
	t.Helper()
	j := &judge{t, in, b, b.Program, linesOf(t, b.Program)}
	j.everyStep()
	j.propagation()
	j.coveredRoot()
	j.lastPhase()
	const before = "waiting for the container to be recorded as created"
	if b.Ready <= 0 || b.Ready >= len(j.lines) ||
		j.lines[b.Ready-1].label != before || j.lines[b.Ready].label == before {
		t.Errorf("Ready is %d", b.Ready)
	}
	for _, p := range b.Sources {
		s := &judge{t, in, b, p, linesOf(t, p)}
		s.everyStep()
		s.coveredRoot()
	}
}

func (j *judge) errorf(l *line, format string, args ...any) {
	j.t.Helper()
	j.t.Errorf("step %d (%s) %s: "+format, append([]any{l.index, l.label, l.text}, args...)...)
}

func (j *judge) everyStep() {
	jump := regexp.MustCompile(`\bto (\d+|an unplaced target)`)
	for i := range j.lines {
		l := &j.lines[i]
		if l.label == "" {
			j.errorf(l, "no label")
		}
		_, rules, _ := strings.Cut(l.text, "  ; ")
		for _, to := range jump.FindAllStringSubmatch(rules, -1) {
			if n, err := strconv.Atoi(to[1]); err != nil || n <= i || n > len(j.lines) {
				j.errorf(l, "it jumps %s", to[0])
			}
		}
		j.allowed(l)
		j.closeOnExec(l)
		j.names(l)
		j.hostPaths(l)
	}
	assemble(j.t, j.program)
}

// allowed knows the legacy calls, which arm64 does not even have; the printer
// knows every other call that a program may make.
func (j *judge) allowed(l *line) {
	switch l.name {
	case "open", "creat", "mknod", "mkdir", "rmdir", "unlink", "symlink", "link", "rename", "chown", "lchown", "chmod",
		"stat", "lstat",
		"access", "readlink", "dup2", "pipe", "poll", "select", "fork", "vfork", "getpgrp", "umount", "utime", "utimes":
		j.errorf(l, "a legacy call")
	}
	if strings.HasPrefix(l.name, "syscall ") {
		j.errorf(l, "a call that the printer does not know")
	}
}

// closeOnExec looks at every call that makes a descriptor.
func (j *judge) closeOnExec(l *line) {
	ok := true
	switch l.name {
	case "openat":
		ok = l.has(2, "O_CLOEXEC")
	case "openat2":
		ok = l.has(2, "O_CLOEXEC")
	case "accept4":
		ok = l.has(3, "O_CLOEXEC")
	case "fsopen":
		ok = l.has(1, "FSOPEN_CLOEXEC")
	case "fsmount":
		ok = l.has(1, "FSMOUNT_CLOEXEC")
	case "open_tree":
		ok = l.has(2, "OPEN_TREE_CLOEXEC")
	case "fspick":
		ok = j.flag(l, 2, unix.FSPICK_CLOEXEC)
	case "socket":
		ok = j.flag(l, 1, unix.SOCK_CLOEXEC)
	case "recvmsg":
		ok = j.flag(l, 2, unix.MSG_CMSG_CLOEXEC)
	case "fcntl":
		ok = l.arg(1) == strconv.Itoa(unix.F_DUPFD_CLOEXEC)
	case "ioctl":
		const tiocgptpeer = "0x5441"
		flags := nsenter.Int(unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC)
		ok = l.arg(1) != tiocgptpeer || j.program.Steps[l.index].Args[2] == flags
	case "dup3": // only to the standard streams, which the process gets
		n, err := strconv.Atoi(l.arg(1))
		ok = err == nil && n >= 0 && n <= 2 || l.has(2, "O_CLOEXEC")
	}
	if !ok {
		j.errorf(l, "not close-on-exec")
	}
}

func (j *judge) flag(l *line, i int, flag uint64) bool {
	n, err := strconv.ParseUint(l.arg(i), 0, 64)
	return err == nil && n&flag == flag
}

// names checks that calls that follow symlinks in all but the last component of
// a path are given one component and a descriptor.
func (j *judge) names(l *line) {
	dir, name := 0, 1
	switch l.name {
	case "mkdirat", "mknodat", "fchownat", "unlinkat":
	case "symlinkat":
		dir, name = 1, 2
	case "fchmodat":
		if l.str(1) != "." {
			j.errorf(l, "a name")
		}
		return
	case "statx":
		if !l.has(2, "AT_SYMLINK_NOFOLLOW") || strings.Contains(l.str(1), "/") {
			j.errorf(l, "it follows symlinks")
		}
		return
	default:
		return
	}
	if s := l.str(name); s == "" || s == "." || s == ".." || strings.Contains(s, "/") {
		j.errorf(l, "%q is not the name of a file in a directory", s)
	}
	if !strings.HasPrefix(l.arg(dir), "$") {
		j.errorf(l, "%s is not a descriptor", l.arg(dir))
	}
	if l.name == "fchownat" && !l.has(4, "AT_SYMLINK_NOFOLLOW") {
		j.errorf(l, "it follows symlinks")
	}
}

// hostPaths checks that a path that is resolved by the kernel without a limit
// is one that neither the image nor a destination has a hand in.
func (j *judge) hostPaths(l *line) {
	host := j.in.Host
	path, allowed := "", []string(nil)
	switch l.name {
	case "openat":
		path = l.str(1)
		allowed = append([]string{
			"/", "/proc", "/dev/null", "/proc/self/oom_score_adj", "/proc/self/timens_offsets", host.Rootfs,
		}, j.in.Candidates...)
	case "openat2":
		j.resolved(l)
		return
	case "open_tree":
		if path = l.str(1); path == "" {
			if !l.has(2, "AT_EMPTY_PATH") || !strings.HasPrefix(l.arg(0), "$") {
				j.errorf(l, "an empty path")
			}
			return
		}
		if l.arg(0) == "$dev" { // nodes that the program made itself, named by numbers
			if _, err := strconv.Atoi(path); err != nil {
				j.errorf(l, "not a number")
			}
			return
		}
		allowed = append(j.bindSources(), host.Rootfs, "/sys")
		for _, h := range host.Hierarchies {
			allowed = append(allowed, h.Dir)
		}
		if host.Lacks.Nodes {
			allowed = append(allowed, j.nodes()...)
		}
	case "move_mount":
		if l.str(1) != "" || !l.has(4, "MOVE_MOUNT_F_EMPTY_PATH") {
			j.errorf(l, "the mount is not given by a descriptor")
		}
		if path = l.str(3); path == "" && l.has(4, "MOVE_MOUNT_T_EMPTY_PATH") && l.arg(2) == "$target" {
			return
		}
		allowed = append(oldMounts(host), host.Rootfs, "/")
	case "mount":
		path, allowed = l.str(1), append(oldMounts(host), "/", ".", host.RootfsMount)
		if l.arg(0) != "NULL" || l.arg(2) != "NULL" || l.arg(4) != "NULL" {
			j.errorf(l, "mount(2) may only change flags")
		}
	case "umount2":
		path, allowed = l.str(0), append(oldMounts(host), ".")
	case "chdir":
		path, allowed = l.str(0), []string{"/"}
	case "chroot", "pivot_root":
		path, allowed = l.str(0), []string{"."}
		if l.name == "pivot_root" && l.str(1) != "." {
			j.errorf(l, "a path")
		}
	case "mount_setattr", "fspick":
		if l.str(1) != "" {
			j.errorf(l, "a path")
		}
		return
	case "execve":
		path, allowed = l.str(0), j.in.Candidates
	default:
		return
	}
	if !slices.Contains(allowed, path) {
		j.errorf(l, "the path %q", path)
	}
}

// resolved checks an openat2: within the root of the container, or within a
// procfs that nothing is mounted in.
func (j *judge) resolved(l *line) {
	switch l.arg(0) {
	case "$root":
		if !l.has(2, "RESOLVE_IN_ROOT") || !l.has(2, "RESOLVE_NO_MAGICLINKS") {
			j.errorf(l, "it may leave the root")
		}
		if !l.has(2, "O_PATH") {
			j.errorf(l, "what the image has there may be a device, and opening it not without effect")
		}
		if !strings.Contains(l.text, "EAGAIN: again") {
			j.errorf(l, "openat2 may have to be repeated")
		}
	case "$devpts":
		if !l.has(2, "RESOLVE_BENEATH") || !l.has(2, "RESOLVE_NO_XDEV") || !l.has(2, "RESOLVE_NO_SYMLINKS") {
			j.errorf(l, "it may leave the devpts")
		}
	case "$procfs":
		if !l.has(2, "RESOLVE_BENEATH") || !l.has(2, "RESOLVE_NO_XDEV") || !l.has(2, "RESOLVE_NO_MAGICLINKS") {
			j.errorf(l, "it may leave the procfs")
		}
	default:
		j.errorf(l, "resolved below %s", l.arg(0))
	}
	if strings.HasPrefix(l.str(1), "/") || l.str(1) == "" {
		j.errorf(l, "not a relative path")
	}
}

// nodes are those of the host that devices may be mounts of.
func (j *judge) nodes() (list []string) {
	for _, d := range j.in.Spec.Linux.Devices {
		list = append(list, filepath.Clean("/"+d.Path))
	}
	for _, d := range defaultDevices {
		list = append(list, d.Path)
	}
	return list
}

func (j *judge) bindSources() (list []string) {
	for _, m := range j.in.Mounts {
		if m.Kind == BindMount {
			list = append(list, m.Source)
		}
	}
	return list
}

// propagation checks that every clone, made here or received, is given a
// propagation before it is attached.
func (j *judge) propagation() {
	clones := map[string]bool{} // cell: still a peer of what it was cloned from
	for i := range j.lines {
		switch l := &j.lines[i]; l.name {
		case "open_tree":
			clones[l.result] = l.has(2, "OPEN_TREE_CLONE")
		case "fcntl":
			clones[l.result] = strings.HasPrefix(l.result, "$source ")
		case "fsmount":
			clones[l.result] = false
		case "mount_setattr":
			if strings.Contains(l.arg(3), "propagation=") {
				clones[l.arg(0)] = false
			}
		case "move_mount":
			if clones[l.arg(0)] {
				j.errorf(l, "the clone has no propagation of its own")
			}
		}
	}
}

// coveredRoot checks that bind sources are opened before anything but the root
// itself covers the rootfs: they may lie below it.
func (j *judge) coveredRoot() {
	covered := false
	for i := range j.lines {
		switch l := &j.lines[i]; l.name {
		case "move_mount":
			if l.arg(2) == "AT_FDCWD" {
				covered = l.arg(0) != "$root"
			}
		case "open_tree":
			if covered && l.arg(0) == "AT_FDCWD" && !strings.HasPrefix(l.label, "binding the host's ") {
				j.errorf(l, "the rootfs is covered")
			}
		case "recvmsg":
			if covered {
				j.errorf(l, "the rootfs is covered while bind sources are opened")
			}
		}
	}
}

// order are the calls of the last phase, as each needs rights that a later one
// takes away.
var order = [...]string{
	"sethostname", "prctl(PR_SET_NO_NEW_PRIVS", "prctl(PR_CAPBSET_DROP", "prctl(PR_SET_KEEPCAPS", "setgroups",
	"setresgid", "setresuid", "capset", "prctl(PR_CAP_AMBIENT", "prctl(PR_SET_DUMPABLE", "accept4", "close_range",
	"execve",
}

// lastPhase checks the order of credentials and what follows on them.
func (j *judge) lastPhase() {
	place := map[string]int{} // the last step of each
	for i := range j.lines {
		if strings.HasPrefix(j.lines[i].label, "reading what the kernel says") {
			break // only reached by a failure
		}
		if j.lines[i].label == givingUp {
			continue
		}
		for _, name := range order {
			if text := j.lines[i].text; strings.HasPrefix(text, name+"(") || strings.HasPrefix(text, name+",") {
				place[name] = i
			}
		}
	}
	last, lastName := -1, ""
	for _, name := range order {
		i, ok := place[name]
		if !ok {
			continue
		}
		if i < last {
			j.t.Errorf("%s in step %d comes before %s in step %d", name, i, lastName, last)
		}
		last, lastName = i, name
	}
	open := j.in.Host.Lacks.Tracing && !hasNamespace(j.in.Spec, specs.UserNamespace)
	for _, name := range []string{"setresgid", "setresuid", "capset", "prctl(PR_SET_DUMPABLE", "close_range"} {
		if _, ok := place[name]; !ok && (!open || name != "prctl(PR_SET_DUMPABLE") {
			j.t.Errorf("no step %s", name)
		}
	}
	p := j.in.Spec.Process
	if _, ok := place["prctl(PR_SET_NO_NEW_PRIVS"]; ok != (p != nil && p.NoNewPrivileges) {
		j.t.Errorf("no_new_privs is set: %v", ok)
	}
	for i := place["close_range"] + 1; i < len(j.lines) && !strings.HasPrefix(j.lines[i].label, "reading what"); i++ {
		switch l := &j.lines[i]; {
		case l.name == "execve", l.name == "seccomp":
		case l.name == "prlimit64" && strings.HasPrefix(l.label, "setting the limit RLIMIT_NOFILE"):
		case l.name == "test" && j.in.Filter.Listens() && strings.HasPrefix(l.text, "look "):
		case l.name == "test" && len(j.in.Candidates) == 0 && strings.HasSuffix(l.text, "else fail with ENOEXEC"):
		default:
			j.errorf(l, "it follows on close_range")
		}
	}
}

func TestJudgeBirth(t *testing.T) {
	for name, in := range map[string]*Input{
		"default": defaultInput(), "everything": everythingInput(t), "joining": joiningInput(),
		"hostmounts": hostMountsInput(),
	} {
		t.Run(name, func(t *testing.T) {
			birth, err := Compile(in)
			if err != nil {
				t.Fatal(err)
			}
			judgeBirth(t, in, birth)
		})
	}
}

// oldMounts are the paths, in the old root, of what is mounted there.
func oldMounts(host *Host) (paths []string) {
	for _, m := range host.Mounts {
		paths = append(paths, "."+m.Point)
	}
	return paths
}
