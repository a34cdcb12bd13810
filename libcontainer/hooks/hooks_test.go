package hooks

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A recorder keeps what a Runner tells.
type recorder struct {
	Runner
	lines []string
	warns []error
}

func newRecorder() *recorder {
	r := &recorder{Runner: Runner{Dir: "/", Env: []string{"DEFAULT=yes"}, Container: -1, Interrupt: -1}}
	r.Log = func(_ Kind, _, line string) { r.lines = append(r.lines, line) }
	r.Warn = func(err error) { r.warns = append(r.warns, err) }
	return r
}

func sh(script string) specs.Hook {
	return specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}}
}

func within(h specs.Hook, seconds int) specs.Hook {
	h.Timeout = &seconds
	return h
}

func TestHookSees(t *testing.T) {
	leak, err := unix.Dup(2) // inherited by whoever does not care
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(leak)
	t.Setenv("RUNG_TEST_SECRET", "1")
	big := strings.Repeat("x", 1<<20)
	for _, tt := range []struct {
		name  string
		hook  specs.Hook
		state string
		want  []string
	}{
		{"state", sh("cat"), `{"id":"a"}`, []string{`{"id":"a"}`}},
		{"big state", sh("wc -c"), big, []string{"1048576"}},
		{"state not read", sh("exec <&-; echo done"), big, []string{"done"}},
		{"state half read", sh("head -c 5; echo"), big, []string{"xxxxx"}},
		{"no state", sh("cat; echo end"), "", []string{"end"}},
		{"environment", specs.Hook{Path: "/usr/bin/env", Env: []string{"A=b c", "D="}}, "", []string{"A=b c", "D="}},
		{"empty environment", specs.Hook{Path: "/usr/bin/env", Env: []string{}}, "", nil},
		{"no environment", specs.Hook{Path: "/usr/bin/env"}, "", []string{"DEFAULT=yes"}},
		{"directory", specs.Hook{Path: "/bin/pwd"}, "", []string{"/"}},
		{"args", specs.Hook{Path: "/bin/sh", Args: []string{"zero", "-c", `echo "$0 $1"`, "first", "second"}}, "",
			[]string{"first second"}},
		{"no args", specs.Hook{Path: "/bin/cat"}, "x\n", []string{"x"}},
		{"both outputs", sh("echo out; echo err >&2"), "", []string{"out", "err"}},
		{"no newline", sh("echo a; echo; printf b"), "", []string{"a", "", "b"}},
		// ls has the directory itself as 3.
		{"descriptors", specs.Hook{Path: "/bin/ls", Args: []string{"ls", "/proc/self/fd"}}, "",
			[]string{"0", "1", "2", "3"}},
		{"blocking descriptors", sh("cat /proc/self/fdinfo/0 /proc/self/fdinfo/1 | grep -c flags:.*4... || true"), "",
			[]string{"0"}},
		{"group", sh(`set -- $(cat /proc/$$/stat); test $$ = $5 && echo leader`), "", []string{"leader"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRecorder()
			if err := r.Run(Prestart, []specs.Hook{within(tt.hook, 60)}, []byte(tt.state)); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(r.lines, tt.want) {
				t.Errorf("it wrote %q, want %q", r.lines, tt.want)
			}
		})
	}
}

func TestHookFails(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(notExecutable, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		hook specs.Hook
		want string
	}{
		{"exit status", sh("exit 3"), "error running createRuntime hook #0: /bin/sh: exit status 3"},
		{"output", sh("echo one; echo two >&2; exit 4"),
			"error running createRuntime hook #0: /bin/sh: exit status 4: one\ntwo"},
		{"signal", sh("kill -SEGV $$"), "error running createRuntime hook #0: /bin/sh: killed by SIGSEGV"},
		{"missing", specs.Hook{Path: "/no/such"},
			"error running createRuntime hook #0: /no/such: executing it: no such file or directory"},
		{"not executable", specs.Hook{Path: notExecutable},
			"error running createRuntime hook #0: " + notExecutable + ": executing it: permission denied"},
		{"relative", specs.Hook{Path: "sh"}, "error running createRuntime hook #0: sh: the path is not absolute"},
		{"no time", within(sh("exit 0"), 0),
			"error running createRuntime hook #0: /bin/sh: the timeout, 0 s, is not above zero"},
		{"timeout", within(sh("echo wait; exec sleep 1000"), 1),
			"error running createRuntime hook #0: /bin/sh: did not end within 1s and was killed: wait"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := newRecorder().Run(CreateRuntime, []specs.Hook{tt.hook}, nil)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %v", err, tt.want)
			}
		})
	}
	err := newRecorder().Run(Prestart, []specs.Hook{{Path: "/no/such"}}, nil)
	var hookErr *Error
	if !errors.As(err, &hookErr) || hookErr.Path != "/no/such" || !errors.Is(err, syscall.ENOENT) {
		t.Errorf("%#v is no *Error with ENOENT", err)
	}
}

func TestOrder(t *testing.T) {
	hooks := []specs.Hook{sh("echo 0"), sh("echo 1; exit 1"), sh("echo 2"), sh("echo 3; exit 3")}
	r := newRecorder()
	err := r.Run(CreateContainer, hooks, nil)
	if err == nil || !strings.Contains(err.Error(), "error running createContainer hook #1: ") || len(r.warns) != 0 {
		t.Errorf("createContainer: %v, warnings %v", err, r.warns)
	}
	if want := []string{"0", "1"}; !slices.Equal(r.lines, want) {
		t.Errorf("createContainer ran %v, want %v", r.lines, want)
	}
	r = newRecorder()
	err = r.Run(Poststop, hooks, nil)
	if want := []string{"0", "1", "2", "3"}; !slices.Equal(r.lines, want) || err != nil {
		t.Errorf("poststop ran %v, want %v; %v", r.lines, want, err)
	}
	if len(r.warns) != 2 || !strings.Contains(fmt.Sprint(r.warns), "error running poststop hook #3: ") {
		t.Errorf("poststop: warnings %v, want two", r.warns)
	}
	if err := (&Runner{Container: -1, Interrupt: -1}).Run(Poststop, hooks, nil); err != nil { // tells nobody
		t.Error(err)
	}
}

// A hook's children share its pipes and its process group.
func TestTimeoutKillsGroup(t *testing.T) {
	r := newRecorder()
	begin := time.Now()
	err := r.Run(Prestart, []specs.Hook{within(sh("sleep 1000 & echo $!; trap '' TERM; wait"), 1)}, nil)
	if err == nil || !strings.Contains(err.Error(), "did not end within 1s and was killed") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begin); took > killed {
		t.Errorf("it took %v", took)
	}
	awaitEnd(t, r.lines)
}

func TestChildKeepsPipes(t *testing.T) {
	for name, script := range map[string]string{
		"idle": "sleep 1000 & echo $!",
		"busy": "while echo; do :; done & echo $!",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecorder()
			if err := r.Run(Prestart, []specs.Hook{sh(script)}, []byte("{}")); err != nil {
				t.Error(err)
			}
			lines := slices.DeleteFunc(r.lines, func(s string) bool { return s == "" })
			if len(lines) != 1 {
				t.Fatalf("it wrote %q", lines)
			}
			pid, err := strconv.Atoi(lines[0])
			if err != nil {
				t.Fatal(err)
			}
			unix.Kill(pid, unix.SIGKILL)
			awaitEnd(t, lines)
		})
	}
}

// awaitEnd waits until the process whose pid is the only line has ended.
func awaitEnd(t *testing.T, lines []string) {
	t.Helper()
	if len(lines) != 1 {
		t.Fatalf("no pid: %q", lines)
	}
	for range 500 {
		stat, err := os.ReadFile("/proc/" + lines[0] + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %s is alive", lines[0])
}

func TestStart(t *testing.T) {
	r := newRecorder()
	r.Start = func(h specs.Hook, stdin, output int) (int, error) {
		h.Path = "/bin/cat"
		return InHost(h, "/gone", stdin, output)
	}
	if err := r.Run(StartContainer, []specs.Hook{{Path: "/in/container"}}, []byte("state")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"state"}; !slices.Equal(r.lines, want) {
		t.Errorf("it wrote %q, want %q", r.lines, want)
	}
}

func TestNoDescriptorStays(t *testing.T) {
	count := func() int {
		t.Helper()
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds)
	}
	r := newRecorder()
	before := count()
	for range 3 {
		r.Run(Prestart, []specs.Hook{sh("cat"), {Path: "/no/such"}}, []byte("x"))
	}
	if after := count(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestOutput(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, tt := range []struct {
		name   string
		writes []string
		lines  []string
	}{
		{"nothing", nil, nil},
		{"pieces", []string{"a", "b\nc", "\n"}, []string{"ab", "c"}},
		{"longest", []string{long + "\n", "y\n"}, []string{long, "y"}},
		{"longer", []string{long + "y\n"}, []string{long, "y"}},
		{"endless", []string{long[:1000], long, long}, []string{long, long, long[:1000]}},
	} {
		var lines []string
		o := output{log: func(line string) { lines = append(lines, line) }}
		for _, w := range tt.writes {
			o.Write([]byte(w))
		}
		o.end()
		if !slices.Equal(lines, tt.lines) {
			t.Errorf("%s: got %.40q, want %.40q", tt.name, lines, tt.lines)
		}
	}
}

func TestLast(t *testing.T) {
	o := output{log: func(string) {}}
	for i := range 10000 {
		fmt.Fprintf(&o, "line %d\n", i)
		if cap(o.kept) > 8*keptText {
			t.Fatalf("%d bytes are kept", cap(o.kept))
		}
	}
	last := o.last()
	if len(last) > keptText || !strings.HasPrefix(last, "line ") || !strings.HasSuffix(last, "line 9999") {
		t.Errorf("last: %q", last)
	}
	o = output{log: func(string) {}}
	o.Write([]byte(strings.Repeat("x", 10*keptText)))
	if last := o.last(); last != strings.Repeat("x", keptText) {
		t.Errorf("of one line: %q", last)
	}
}

// TestContainerEnds kills the process that stands for the container while a hook
// runs that would not end by itself.
func TestContainerEnds(t *testing.T) {
	container := exec.Command("sleep", "1000")
	if err := container.Start(); err != nil {
		t.Fatal(err)
	}
	pidfd, err := unix.PidfdOpen(container.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	time.AfterFunc(50*time.Millisecond, func() { container.Process.Kill() })
	r := Runner{Container: pidfd, Interrupt: -1}
	err = r.Run(CreateRuntime, []specs.Hook{{Path: "/bin/sleep", Args: []string{"sleep", "1000"}}}, []byte("{}"))
	if want := "error running createRuntime hook #0: /bin/sleep: killed, because the container's first process has " +
		"ended"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	container.Wait()
}
