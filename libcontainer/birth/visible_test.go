package birth

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/capabilities"
	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/nsenter"
)

// givingUp is the label of the steps that take away the right to load a filter.
const givingUp = "giving up the capability to load a filter"

// An onlooker judges what others see of a program's process, from the clone on that brings it
// into a pid namespace that the program has not made: no capability, no root, no cgroup and no
// descriptor that the container's process will not have, and no process without its filter if
// that can be loaded before.
type onlooker struct {
	in     *Input
	p      *nsenter.Program
	may    func(file string) bool // reports whether a descriptor may be there
	errors []string
}

// watch goes through the program. Everything that gives up a right, changes the root or the
// cgroup, or opens something comes before the clone; so what the process has then is what it
// has at execve.
func (o *onlooker) watch() {
	if !slices.ContainsFunc(o.p.Steps, joinsPids) {
		return
	}
	joined, clone, loaded, end := false, -1, -1, -1
	open := map[string]bool{}
	last := map[string]int{}
	for i := range o.p.Steps {
		s := &o.p.Steps[i]
		if strings.HasPrefix(s.Label, "reading what the kernel says") {
			break // only reached by a failure
		}
		if s.Op == nsenter.OpTest {
			continue
		}
		name := s.CallName()
		switch name {
		case "setns":
			joined = joined || joinsPids(*s)
		case "clone":
			if joined && clone < 0 {
				clone = i
				o.descriptors(i, open)
			}
		case "seccomp":
			loaded = i
		case "execve":
			end = i
		}
		if clone >= 0 && i > clone && !after[name] {
			o.errorf(i, "it comes when the process is visible")
		}
		if clone < 0 {
			o.track(i, name, open)
			last[name] = i
		}
	}
	if clone < 0 {
		o.errors = append(o.errors, "the pid namespace is joined, and nothing cloned")
		return
	}
	for _, name := range []string{"capset", "setresuid", "prctl"} {
		if last[name] == 0 {
			o.errorf(clone, "there is no %s before", name)
		}
	}
	o.rights(clone, loaded, last["capset"])
	o.filter(clone, loaded, end)
}

func joinsPids(s nsenter.Step) bool {
	if s.Op != nsenter.OpCall || s.Nr != unix.SYS_SETNS {
		return false
	}
	flags, _ := s.Args[1].Constant()
	return flags&unix.CLONE_NEWPID != 0
}

// after are the calls that a process that is seen still makes: none changes what it may do but
// seccomp, if that was not possible before.
var after = map[string]bool{
	"clone": true, "getpid": true, "futex": true, // the detour
	"exit_group": true, "prlimit64": true, "setsid": true, "ioctl": true, "write": true, "read": true, "madvise": true,
	"close": true, "accept4": true, "close_range": true, "dup3": true, "seccomp": true,
	"execve": true,
}

func (o *onlooker) errorf(step int, format string, args ...any) {
	o.errors = append(o.errors, fmt.Sprintf("step %d (%s) %s: %s", step, o.p.Steps[step].Label, o.p.StepString(step),
		fmt.Sprintf(format, args...)))
}

// track follows which descriptors are open, by what programs call them.
func (o *onlooker) track(i int, name string, open map[string]bool) {
	text, result := o.p.StepString(i), ""
	call, _, _ := strings.Cut(text, "  ; ")
	if at := strings.LastIndex(call, ") = "); at >= 0 {
		result = call[at+len(") = "):]
	}
	for rest := call; ; { // descriptors of the launcher are open from the beginning
		_, tail, found := strings.Cut(rest, "<")
		if !found {
			break
		}
		file, tail, _ := strings.Cut(tail, ">")
		if _, known := open["<"+file+">"]; !known && file != "" && file[0] >= 'a' && file[0] <= 'z' {
			open["<"+file+">"] = true
		}
		rest = tail
	}
	switch name {
	case "openat", "openat2", "fsopen", "fspick", "fsmount", "open_tree", "socket", "accept4":
		open[result] = true
	case "ioctl":
		if result != "" {
			open[result] = true
		}
	case "fcntl":
		open[result] = true
	case "close":
		open[strings.TrimSuffix(strings.TrimPrefix(call, "close("), ")")] = false
	case "dup3":
		if to, _ := o.p.Steps[i].Args[1].Constant(); to > 2 {
			open[strconv.FormatUint(to, 10)] = true
		}
	case "close_range":
		from, _ := o.p.Steps[i].Args[0].Constant()
		if flags, _ := o.p.Steps[i].Args[2].Constant(); flags != 0 {
			return
		}
		for file := range open {
			if n, err := strconv.ParseUint(file, 10, 64); err != nil || n >= from {
				open[file] = false
			}
		}
	}
}

func (o *onlooker) descriptors(clone int, open map[string]bool) {
	for _, file := range slices.Sorted(maps.Keys(open)) {
		if open[file] && !o.may(file) {
			o.errorf(clone, "%s is open", file)
		}
	}
}

// rights checks that the capability for loading the filter is only kept if that comes later.
func (o *onlooker) rights(clone, loaded, capset int) {
	p := o.in.Spec.Process
	if p == nil || capset == 0 {
		return
	}
	own := uint64(0)
	if p.Capabilities != nil {
		own, _ = capabilities.Set(p.Capabilities.Permitted)
	}
	const sysAdmin = 21 // the third byte of the first word, and of the second
	text := o.p.StepString(capset)
	bytes := strings.Fields(strings.Trim(text[strings.LastIndex(text, "<"):], "<>)"))
	permitted, _ := strconv.ParseUint(bytes[4+sysAdmin/8], 16, 8)
	has := permitted&(1<<(sysAdmin%8)) != 0
	if has && own&(1<<sysAdmin) == 0 && (o.in.Filter == nil || loaded < clone || p.NoNewPrivileges) {
		o.errorf(clone, "CAP_SYS_ADMIN is there for nothing")
	}
}

// filter checks that the filter is loaded before, if it lets happen what has to follow.
func (o *onlooker) filter(clone, loaded, end int) {
	if o.in.Filter == nil || loaded >= 0 && loaded < clone || end < 0 {
		return
	}
	allowed := true
	for i := clone; i <= end; i++ {
		if s := &o.p.Steps[i]; s.Op == nsenter.OpCall && s.CallName() != "seccomp" {
			var words []seccomp.Word
			for _, a := range s.Args {
				value, known := a.Constant()
				words = append(words, seccomp.Word{Value: value, Known: known})
			}
			allows := o.in.Filter.Allows
			if s.Nr == unix.SYS_EXECVE {
				allows = o.in.Filter.AllowsOrNotifies
			}
			allowed = allowed && allows(s.Nr, words...)
		}
	}
	if !o.in.Spec.Process.NoNewPrivileges { // then the right to load it has to be given up behind
		allowed = allowed && o.in.Filter.Allows(unix.SYS_CAPSET) && o.in.Filter.Allows(unix.SYS_PRCTL)
	}
	if o.in.Filter.Listens() { // then that is sent
		for _, nr := range []uintptr{unix.SYS_FCNTL, unix.SYS_SENDMSG, unix.SYS_CLOSE, unix.SYS_READ, unix.SYS_WRITE} {
			allowed = allowed && o.in.Filter.Allows(nr)
		}
	}
	if allowed {
		o.errorf(loaded, "the filter could be loaded before the clone in step %d", clone)
	}
}

func onlookBirth(in *Input, b *Birth) []string {
	o := &onlooker{in: in, p: b.Program}
	// sockets, by which nothing is reached but rung, and where a created container waits
	o.may = func(file string) bool { return file == "<"+FileSync+">" || file == "<"+FileGate+">" }
	o.watch()
	return o.errors
}

func onlookExec(in *ExecInput, e *Exec) []string {
	socket := strconv.Itoa(3 + in.PreserveFds)
	o := &onlooker{in: &in.Input, p: e.Program}
	// by which the child waits for what rung has to know it for
	o.may = func(file string) bool { return (e.Scheduler != nil || in.Filter.Listens()) && file == socket }
	o.watch()
	return o.errors
}

func onlookHook(in *HookInput, p *nsenter.Program) []string {
	o := &onlooker{in: &in.Input, p: p, may: func(file string) bool { return in.Filter.Listens() && file == "3" }}
	o.watch()
	return o.errors
}

var configs = flag.Int("configs", 4000, "how many random configs TestOnlookers tries")

// TestOnlookers has the invariant hold for random configs: of containers, of further processes
// and of startContainer hooks.
func TestOnlookers(t *testing.T) {
	var counts sync.Map
	var group sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() {
			visible, all := 0, 0
			r := rand.New(rand.NewPCG(uint64(w), 9))
			for range *configs / workers {
				seed := make([]byte, 64+r.IntN(192))
				for i := range seed {
					seed[i] = byte(r.Uint32())
				}
				seen, errors := onlook(seed)
				if all++; seen {
					visible++
				}
				if len(errors) > 0 {
					t.Errorf("%x:\n%s", seed, strings.Join(errors, "\n"))
					return
				}
			}
			counts.Store(w, [2]int{visible, all})
		})
	}
	group.Wait()
	counts.Range(func(_, v any) bool {
		if c := v.([2]int); c[0] < c[1]/16 {
			t.Errorf("%d of %d configs are seen", c[0], c[1])
		}
		return true
	})
}

// onlook compiles all programs of a config, and tells whether the birth's process is seen.
func onlook(seed []byte) (visible bool, errors []string) {
	in := randomInput(seed)
	if b, err := decideAndCompile(in); err == nil {
		visible = b.JoinsPids
		errors = onlookBirth(in, b)
	}
	x := randomExec(seed)
	if e, err := CompileExec(x); err == nil {
		errors = append(errors, onlookExec(x, e)...)
	}
	h := &HookInput{Input: x.Input, Namespaces: x.Namespaces, Hook: specs.Hook{Path: "/bin/hook"}, Confined: true}
	if p, err := CompileHook(h); err == nil {
		errors = append(errors, onlookHook(h, p)...)
	}
	return visible, errors
}
