package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// onTerminal calls rung with a terminal for its stderr and returns what that
// shows. It must fail.
func onTerminal(t *testing.T, c *bundle.Container, cmd *exec.Cmd) string {
	t.Helper()
	master, slave := openTerminal(t)
	s := newScreen(t, int(master.Fd()))
	cmd.Stderr = slave
	c.Wait(cmd).Exits(1)
	if _, err := slave.WriteString("-- end\n"); err != nil {
		t.Fatal(err)
	}
	s.shows(t, "-- end\r\n")
	text, _, _ := strings.Cut(strings.ReplaceAll(s.String(), "\r\n", "\n"), "-- end\n")
	return text
}

// On a terminal an error is a line for people, and a hint where the way out is
// known.
func TestErrorsOnATerminal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		change      bundle.Change
		prepare     func(*testing.T, *bundle.Container) (args []string)
		error, hint string
	}{
		{name: "missing interpreter", change: bundle.Args("/script"),
			prepare: func(t *testing.T, c *bundle.Container) []string {
				write(t, c.Path("script"), "#!/no/such/shell\n")
				return nil
			}, error: `interpreter "/no/such/shell"`, hint: "the first line of /script names it"},
		{name: "wrong architecture", change: bundle.Args("/program"),
			prepare: func(t *testing.T, c *bundle.Container) []string {
				header := "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x02\x00\xf3\x00" // RISC-V
				write(t, c.Path("program"), header+strings.Repeat("\x00", 100))
				return nil
			}, error: "exec format error: built for riscv64", hint: "emulator"},
		{name: "noexec", change: bundle.Mount(specs.Mount{Destination: "/mnt", Type: "bind", Source: "/bin",
			Options: []string{"bind", "noexec"}}),
			prepare: func(t *testing.T, c *bundle.Container) []string {
				c.Configure(bundle.Args("/mnt/sh"),
					bundle.Mount(specs.Mount{Destination: "/mnt", Type: "bind", Source: c.Path("bin"),
						Options: []string{"bind", "noexec"}}))
				return nil
			}, error: "exec /mnt/sh: permission denied", hint: "noexec"},
		{name: "hard limit", change: func(s *specs.Spec) {
			s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: 1 << 40, Soft: 1 << 40}}
		}, error: "setting the limit RLIMIT_NOFILE: prlimit64: operation not permitted", hint: "CAP_SYS_RESOURCE"},
		{name: "no config.json", prepare: func(t *testing.T, c *bundle.Container) []string {
			return []string{"run", "--bundle", c.Dir, c.ID}
		}, error: "config.json: no such file or directory", hint: "rung spec makes"},
		{name: "taken", prepare: func(t *testing.T, c *bundle.Container) []string {
			c.Create().OK()
			return nil
		}, error: "container with given ID already exists", hint: "take another ID"},
		{name: "no container", prepare: func(t *testing.T, c *bundle.Container) []string {
			return []string{"state", c.ID}
		}, error: "container does not exist", hint: "(--root)"},
		{name: "log", prepare: func(t *testing.T, c *bundle.Container) []string {
			return []string{"--log", filepath.Join(c.Dir, "log"), "kill", c.ID}
		}, error: "container does not exist", hint: "the full log is in "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.change == nil {
				test.change = bundle.Args("true")
			}
			c := bundle.New(t, test.change)
			args := []string{"run", "--bundle", c.Bundle, c.ID}
			if test.prepare != nil {
				if a := test.prepare(t, c); a != nil {
					args = a
				}
			}
			showsError(t, onTerminal(t, c, c.Command(args...)), test.error, test.hint)
		})
	}
}

// showsError requires that a text is a line with an error, and below it hints, one of
// which has the words of hint.
func showsError(t *testing.T, text, error, hint string) {
	t.Helper()
	lines := strings.Split(text, "\n")
	if !strings.HasPrefix(lines[0], "rung: ") || !strings.Contains(lines[0], error) {
		t.Errorf("the error is %q, want %q in it", lines[0], error)
	}
	for _, line := range lines[1 : len(lines)-1] {
		if !strings.HasPrefix(line, "hint: ") {
			t.Errorf("the line %q", line)
		}
	}
	if !strings.Contains(strings.Join(lines[1:], "\n"), hint) {
		t.Errorf("%q has no hint %q", lines, hint)
	}
}

// A user without rights is told where they are missing.
func TestErrorsOfAUserOnATerminal(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	dir := newDir(t)
	rung := filepath.Join(dir, "rung")
	host(t, "cp", c.Runtime.Path, rung)
	host(t, "cp", "-r", c.Bundle, filepath.Join(dir, "bundle"))
	host(t, "chmod", "-R", "a+rX", dir)
	state := map[string]string{"of another": filepath.Join(dir, "another"), "own": filepath.Join(dir, "own")}
	for name, path := range state {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if name == "own" {
			host(t, "chown", "nobody", path)
		}
	}
	for name, want := range map[string][2]string{
		"of another": {"rung: creating the container's directory: ",
			"\nhint: the state of containers is in " + state["of another"]},
		"own": {"rung: creating cgroup ", "\nhint: no cgroup is delegated to this user there"},
	} {
		cmd := exec.Command(rung, "--root", state[name], "run", "--bundle", filepath.Join(dir, "bundle"), c.ID)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if text := onTerminal(t, c, cmd); !strings.HasPrefix(text, want[0]) || !strings.Contains(text, want[1]) {
			t.Errorf("state %s: the terminal shows %q", name, text)
		}
	}
	host(t, "rmdir", state["own"]) // nothing was left
}

// Programs that read stderr get what they always got.
func TestErrorsInAPipe(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	r := c.Do("state", c.ID).Fails(`level=error msg="`, "does not exist", ` hint="`)
	if !strings.HasPrefix(r.Stderr, `time="`) || strings.Count(r.Stderr, "\n") != 1 {
		t.Errorf("%q", r.Stderr)
	}
	log := filepath.Join(c.Dir, "log")
	r = c.Do("--log", log, "state", c.ID).Fails("does not exist")
	if strings.Contains(r.Stderr, "hint") || strings.Count(r.Stderr, "\n") != 1 {
		t.Errorf("%q", r.Stderr)
	}
	if _, err := os.Stat(log); err != nil {
		t.Error(err)
	}
}

// traced is an event of a trace.
type traced struct {
	Name    string
	Ph      string
	Ts, Dur float64 // in microseconds
	Tid     int
	Args    map[string]any
}

const launcherTrack, programTrack = 1, 2

func readTrace(t *testing.T, path string) (launcher, program []traced) {
	t.Helper()
	var trace struct{ TraceEvents []traced }
	if err := json.Unmarshal([]byte(read(t, path)), &trace); err != nil {
		t.Fatal(err)
	}
	last := 0.0
	for _, e := range trace.TraceEvents {
		if e.Ph != "X" {
			continue
		}
		if e.Ts < last || e.Dur < 0 {
			t.Errorf("%+v comes after %v µs", e, last)
		}
		last = e.Ts
		switch e.Tid {
		case launcherTrack:
			launcher = append(launcher, e)
		case programTrack:
			program = append(program, e)
		}
	}
	return launcher, program
}

// labels are the headings of `rung plan`, without those of steps that only a
// failure leads to.
func labels(t *testing.T, c *bundle.Container) (list []string) {
	t.Helper()
	for line := range strings.SplitSeq(c.Do("plan", c.Bundle).OK().Stdout, "\n") {
		label, ok := strings.CutPrefix(line, "# ")
		if label == "with the caller's credentials, when asked for" { // another program
			break
		}
		if ok && label != "launching the first process" && label != "reading what the kernel says" {
			list = append(list, label)
		}
	}
	return list
}

func total(events []traced) (sum float64) {
	for _, e := range events {
		sum += e.Dur
	}
	return sum
}

// A timeline has every label of the birth program, and all the time that passed.
func TestTimeline(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]bundle.Change{
		"plain":          func(*specs.Spec) {},
		"user namespace": userNamespace(100000),
		"time namespace": func(s *specs.Spec) {
			bundle.Namespace(specs.TimeNamespace, "")(s)
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"monotonic": {Secs: 100000},
				"boottime": {Secs: 100000}}
		},
		"seccomp": func(s *specs.Spec) { // clock_gettime would end the process
			s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow,
				Syscalls: []specs.LinuxSyscall{{Names: []string{"clock_gettime"}, Action: specs.ActKillProcess}}}
		},
		"seccomp that allows it": func(s *specs.Spec) {
			s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow,
				Syscalls: []specs.LinuxSyscall{{Names: []string{"acct"}, Action: specs.ActErrno}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, bundle.Args("sleep", "0.3"), change)
			file := filepath.Join(c.Dir, "timeline")
			began := time.Now()
			c.Run("--timeline", file).OK()
			wall := float64(time.Since(began).Microseconds())
			launcher, program := readTrace(t, file)
			// before main only what used a CPU is known, including what the test
			// did between fork and execve; on a busy machine that is far from all
			if sum := total(launcher); sum > wall+20000 || sum < 300000 {
				t.Errorf("the launcher's actions took %v µs of %v, of which 300000 are the process's", sum, wall)
			}
			end := 0.0
			for _, e := range launcher {
				if e.Ts-end > 0.01 || end-e.Ts > 0.01 {
					t.Errorf("%q begins at %v µs, what was before it ended at %v", e.Name, e.Ts, end)
				}
				end = e.Ts + e.Dur
			}
			launch := slices.IndexFunc(launcher, func(e traced) bool { return e.Name == "launching the first process" })
			wait := slices.IndexFunc(launcher, func(e traced) bool {
				return e.Name == "waiting for the process to end"
			})
			if launch < 0 || wait < 0 {
				t.Fatalf("the launcher's actions are %+v", launcher)
			}
			seen := map[string]bool{}
			for _, e := range program {
				for label := range strings.SplitSeq(e.Name, "; ") { // behind a filter nothing is timed for itself
					seen[label] = true
				}
				if e.Ts < launcher[launch].Ts || e.Ts+e.Dur > launcher[wait].Ts+0.01 {
					t.Errorf("%q from %v to %v, but the program ran between %v and %v", e.Name, e.Ts, e.Ts+e.Dur,
						launcher[launch].Ts, launcher[wait].Ts)
				}
			}
			for _, label := range labels(t, c) {
				// run has no gate, and nothing is to be checked or moved where all went well
				rare := label == "waiting for start" || strings.HasPrefix(label, "checking that the existing ") ||
					strings.HasPrefix(label, "joining the cgroup of unified")
				if !seen[label] && !rare {
					t.Errorf("%q is not in the timeline", label)
				}
			}
		})
	}
}

func TestTimelineOfCreate(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	file := filepath.Join(c.Dir, "timeline")
	c.Create("--timeline", file).OK()
	_, program := readTrace(t, file)
	if !slices.ContainsFunc(program, func(e traced) bool {
		return e.Name == "waiting for the container to be recorded as created"
	}) {
		t.Errorf("the program: %+v", program)
	}
	c.Start().OK()
	c.WaitStatus(specs.StateStopped)
	c.Delete().OK()
	c.Create("--timeline", c.Dir+"/no/file").Fails("--timeline: open " + c.Dir + "/no/file")
	c.LeavesNothing()
}

// A start-up that fails has a timeline as well: up to there.
func TestTimelineOfAFailure(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Mount(specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "none",
		Options: []string{"size=many"}}))
	file := filepath.Join(c.Dir, "timeline")
	c.Run("--timeline", file).Fails("/mnt")
	launcher, program := readTrace(t, file)
	if !slices.ContainsFunc(launcher, func(e traced) bool { return e.Name == "undoing what was done" }) {
		t.Errorf("the launcher: %+v", launcher)
	}
	if n := len(program); n == 0 || program[n-1].Name != "read" || program[n-2].Name != "reading what the kernel says" {
		t.Errorf("the program: %+v", program)
	}
}

// The chart goes where the container's output does not.
func TestTimelineChart(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Args("echo", "hello"))
	r := c.Run("--timeline", "-").OK().Prints("hello")
	for _, part := range []string{"start-up: ", "\nlauncher ", "\nprogram (process ", "#|",
		"launching the first process\n"} {
		if !strings.Contains(r.Stderr, part) {
			t.Errorf("the chart lacks %q:\n%s", part, r.Stderr)
		}
	}
}

// A further process has a timeline too.
func TestTimelineOfExec(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]bundle.Change{
		"plain":          func(*specs.Spec) {},
		"user namespace": userNamespace(100000),
		"time namespace": func(s *specs.Spec) {
			bundle.Namespace(specs.TimeNamespace, "")(s)
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"monotonic": {Secs: 100000}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := running(t, idle, change)
			file := filepath.Join(c.Dir, "timeline")
			c.Do("exec", "--timeline", file, c.ID, "sh", "-c", "exit 3").Exits(3)
			launcher, program := readTrace(t, file)
			find := func(events []traced, name string) traced {
				t.Helper()
				i := slices.IndexFunc(events, func(e traced) bool { return e.Name == name })
				if i < 0 {
					t.Fatalf("%q is not in the timeline: %+v", name, events)
				}
				return events[i]
			}
			launch, end := find(launcher, "launching the process"), find(launcher, "waiting for the process to end")
			for _, label := range []string{"joining the container", "cloning the process", "executing /bin/sh"} {
				if e := find(program, label); e.Ts < launch.Ts || e.Ts+e.Dur > end.Ts+0.01 {
					t.Errorf("%q from %v to %v, but the program ran between %v and %v", label, e.Ts, e.Ts+e.Dur,
						launch.Ts, end.Ts)
				}
			}
			c.Do("exec", "--timeline", file, c.ID, "nothing").Exits(255)
			if _, program := readTrace(t, file); len(program) == 0 {
				t.Error("an exec that fails has no timeline")
			}
		})
	}
}
