package integration

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/bundle"
)

// Both spellings, repeated, and behind the ID.
func TestSpellingsOfFlags(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell(idle))
	pidFile := filepath.Join(c.Dir, "pid")
	for _, args := range [][]string{
		{"create", "--bundle", c.Bundle, "--pid-file", pidFile, c.ID},
		{"create", "-bundle=" + c.Bundle, "-pid-file", pidFile, c.ID},
		{"create", "-b", "/nowhere", "-b", c.Bundle, "--pid-file=/nowhere/pid", "--pid-file=" + pidFile, c.ID},
		{"create", "--no-new-keyring", "--no-new-keyring", "-no-subreaper", "-b=" + c.Bundle, "-pid-file=" + pidFile,
			"--", c.ID},
		{"create", c.ID, "--pid-file", pidFile, "--bundle", c.Bundle},
		{"run", "--no-subreaper", "-d", "-keep", "--no-pivot=false", "--bundle=" + c.Bundle, "-pid-file=" + pidFile,
			c.ID},
	} {
		c.Do(args...).OK()
		if got := read(t, pidFile); got != strconv.Itoa(c.State().Pid) {
			t.Errorf("%q: the pid file has %q", args, got)
		}
		c.Do("delete", c.ID, "-force").OK()
		if err := os.Remove(pidFile); err != nil {
			t.Fatal(err)
		}
	}
}

// The session keyring is new and named after the container, or with
// --no-new-keyring the caller's.
func TestNoNewKeyring(t *testing.T) {
	t.Parallel()
	if _, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, false); err != nil {
		t.Skip("no keyrings: ", err)
	}
	for _, flags := range [][]string{{}, {"--no-new-keyring"}} {
		c := bundle.New(t, bundle.Shell("cat /proc/keys"), func(s *specs.Spec) { s.Linux.MaskedPaths = nil })
		keys := c.Run(flags...).OK().Stdout
		if made := strings.Contains(keys, " _ses."+c.ID+":"); made != (len(flags) == 0) {
			t.Errorf("run %q: a keyring of its own: %v\n%s", flags, made, keys)
		}
	}
}

// create and run take another config.json with --config or -f.
func TestConfigFlag(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("exit 3"))
	other := filepath.Join(c.Dir, "other.json")
	text := strings.Replace(read(t, filepath.Join(c.Bundle, "config.json")), "exit 3", "exit 4", 1)
	write(t, other, text)
	c.Run().Exits(3)
	c.Run("--config", other).Exits(4)
	c.Run("-f", other).Exits(4)
	c.Create("--config", filepath.Join(c.Dir, "missing")).Fails("missing")
	c.LeavesNothing()
}

// What spec writes can be run.
func TestSpecRuns(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	config := filepath.Join(c.Bundle, "config.json")
	if err := os.Remove(config); err != nil {
		t.Fatal(err)
	}
	c.Do("spec", "--bundle", c.Bundle).OK()
	c.Do("spec", "-b", c.Bundle).Fails("exists")
	var s specs.Spec
	if err := json.Unmarshal([]byte(read(t, config)), &s); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Process.Args, []string{"sh"}) || !s.Process.Terminal {
		t.Errorf("args %v, terminal %v", s.Process.Args, s.Process.Terminal)
	}
	s.Process.Terminal = false
	s.Process.Args = []string{"sh", "-c", "echo $((6*7))"}
	s.Linux.CgroupsPath = bundle.CgroupsPath(c.Cgroup)
	if err := bundle.WriteConfig(c.Bundle, &s); err != nil {
		t.Fatal(err)
	}
	c.Run().OK().Prints("42")
	c.Do("spec", "--rootless", "-f", filepath.Join(c.Dir, "rootless.json")).OK()
	if text := read(t, filepath.Join(c.Dir, "rootless.json")); !strings.Contains(text, `"user"`) ||
		!strings.Contains(text, `"uidMappings"`) {
		t.Errorf("--rootless wrote %s", text)
	}
}

// --log-level says what is logged, and --log-format how.
func TestLogLevel(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	for level, want := range map[string]bool{"error": false, "warning": false, "debug": true} {
		log := filepath.Join(c.Dir, level)
		c.Do("--log", log, "--log-level", level, "--log-format=text", "run", "--bundle", c.Bundle, c.ID).OK()
		if text := read(t, log); strings.Contains(text, "level=debug") != want {
			t.Errorf("--log-level %s: %q", level, text)
		}
	}
}

// --criu is taken, as runc took it until 1.4, and --rootless in all forms.
func TestIgnoredGlobalFlags(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	for _, args := range [][]string{
		{"--criu", "/nowhere"}, {"-criu=/nowhere"}, {"--rootless",
			"auto"}, {"--rootless=false"}, {"--rootless="}, {"--cgroup-manager=cgroupfs"}, {"--systemd-cgroup=false"},
	} {
		c.Do(append(args, "run", "--bundle", c.Bundle, c.ID)...).OK()
	}
}

// plan finds the bundle as create does, or as its argument, and runs nothing.
func TestPlan(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Args("touch", "/planned"))
	other := filepath.Join(c.Dir, "other.json")
	write(t, other, strings.Replace(read(t, filepath.Join(c.Bundle, "config.json")), "/planned", "/other", 1))
	for want, calls := range map[string][][]string{
		`"/planned"`: {{"plan", c.Bundle}, {"plan", "--bundle", c.Bundle}, {"plan", "-b=" + c.Bundle}},
		`"/other"`:   {{"plan", "--config", other, c.Bundle}, {"plan", c.Bundle, "-f", other}},
	} {
		for _, args := range calls {
			last := c.Do(args...).OK().Stdout
			last = last[strings.LastIndex(last, "execve("):]
			if !strings.Contains(last, want) {
				t.Errorf("%q: the last step is %s", args, last)
			}
		}
	}
	if _, err := os.Stat(c.Path("planned")); err == nil {
		t.Error("the program ran")
	}
}

// update takes --resources in all forms that clients use.
func TestUpdateResourcesFlag(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	file := filepath.Join(c.Dir, "resources.json")
	write(t, file, `{"pids": {"limit": 55}}`)
	for _, args := range [][]string{{"--resources", file, c.ID}, {"-r=" + file, c.ID}, {c.ID, "--resources", file}} {
		c.Do("update", "--pids-limit", "54", c.ID).OK()
		c.Do(append([]string{"update"}, args...)...).OK()
		if got := read(t, cgroupFile(t, c, "pids.max")); got != "55" {
			t.Errorf("update %q: pids.max is %s", args, got)
		}
	}
	for i, args := range [][]string{{"--resources", "-", c.ID}, {"--resources=-", c.ID}} { // as the shim has it
		want := strconv.Itoa(60 + i)
		cmd := c.Command(append([]string{"update"}, args...)...)
		cmd.Stdin = strings.NewReader(`{"pids": {"limit": ` + want + `}}`)
		c.Wait(cmd).OK()
		if got := read(t, cgroupFile(t, c, "pids.max")); got != want {
			t.Errorf("update %q: pids.max is %s", args, got)
		}
	}
}

// What follows the ID of ps is for ps(1), flags too.
func TestPsFlags(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	pid := strconv.Itoa(c.State().Pid)
	for _, args := range [][]string{{"--format", "json", c.ID}, {"-format=json", c.ID},
		{"-f", "table", "-f", "json", c.ID}} {
		var pids []int
		r := c.Do(append([]string{"ps"}, args...)...).OK()
		if err := json.Unmarshal([]byte(r.Stdout), &pids); err != nil || len(pids) != 1 ||
			strconv.Itoa(pids[0]) != pid {
			t.Errorf("ps %q: %q, %v", args, r.Stdout, err)
		}
	}
	for _, args := range [][]string{{c.ID}, {c.ID, "-ef"}, {c.ID, "-o", "pid,args"},
		{"--format", "table", c.ID, "-o pid,args"}} {
		r := c.Do(append([]string{"ps"}, args...)...).OK()
		if lines := strings.Split(strings.TrimSpace(r.Stdout), "\n"); len(lines) != 2 ||
			!strings.Contains(lines[1], pid) || !strings.Contains(lines[1], "sleep 1000") {
			t.Errorf("ps %q: %q", args, r.Stdout)
		}
	}
	c.Do("ps", "--format", "xml", c.ID).Fails("xml")
}

// A user's containers are below XDG_RUNTIME_DIR, and everybody's below --root; /
// is refused.
func TestRootFlag(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell(idle))
	dir := newDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	call := func(uid uint32, args ...string) bundle.Result {
		cmd := c.Command()
		cmd.Path, cmd.Args = filepath.Join(dir, "executable"), append([]string{"rung"}, args...)
		cmd.Env = []string{"XDG_RUNTIME_DIR=" + dir}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		return c.Wait(cmd)
	}
	host(t, "cp", c.Runtime.Path, filepath.Join(dir, "executable")) // anybody may execute it there

	if r := call(65534, "list", "-q").OK(); r.Stdout != "" { // it does not exist
		t.Errorf("a user's list: %q", r.Stdout)
	}
	call(65534, "state", c.ID).Fails("does not exist")
	call(0, "--root", filepath.Join(dir, "rung-state"), "list").Fails(filepath.Join(dir, "rung-state"))
	for _, root := range []string{"/", "//", "/..", "/usr/.."} {
		call(0, "--root", root, "list").Fails("root: /")
	}

	c.Do("run", "-d", "--bundle", c.Bundle, c.ID).OK()
	for _, args := range [][]string{{"--root", c.Root}, {"-root=" + c.Root}, {"--root", "/nowhere", "--root", c.Root}} {
		call(0, append(args, "list", "-q")...).OK().Prints(c.ID)
	}
	cmd := c.Command()
	cmd.Args = []string{"rung", "--root", filepath.Base(c.Root), "list", "--quiet"}
	cmd.Dir = filepath.Dir(c.Root)
	c.Wait(cmd).OK().Prints(c.ID)
}

// events prints once with --stats, else at every --interval until the container
// has stopped; in both formats.
func TestEventsFlags(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	decode := func(text string) (events int) {
		t.Helper()
		for d := json.NewDecoder(strings.NewReader(text)); ; events++ {
			var e struct {
				Type, ID string
				Data     struct {
					Pids struct{ Current int }
				}
			}
			if err := d.Decode(&e); errors.Is(err, io.EOF) {
				return events
			} else if err != nil {
				t.Fatalf("%v in %s", err, text)
			}
			if e.Type != "stats" || e.ID != c.ID {
				t.Errorf("got %+v", e)
			}
		}
	}
	for _, args := range [][]string{{"--stats", c.ID}, {"-stats", "--format=json", c.ID},
		{c.ID, "--stats", "-f", "json"}} {
		if n := decode(c.Do(append([]string{"events"}, args...)...).OK().Stdout); n != 1 {
			t.Errorf("events %q: %d events", args, n)
		}
	}
	if r := c.Do("events", "--stats", "--format", "table", c.ID).OK(); strings.HasPrefix(r.Stdout, "{") ||
		r.Stdout == "" {
		t.Errorf("the table: %q", r.Stdout)
	}
	c.Do("events", "--format", "xml", c.ID).Fails("xml")
	c.Do("events", "--interval", "soon", c.ID).Fails("interval")

	ended := make(chan bundle.Result, 1)
	go func() { ended <- c.Do("events", "--interval", "50ms", c.ID) }()
	time.Sleep(time.Second)
	c.Kill("KILL").OK()
	if n := decode((<-ended).OK().Stdout); n < 3 {
		t.Errorf("%d events in a second, with 50 ms between them", n)
	}
}

// state is JSON, or a table for people.
func TestStateFormat(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	c.Create().OK()
	if a, b := c.Do("state", c.ID).OK().Stdout, c.Do("state", "--format", "json", c.ID).OK().Stdout; a != b ||
		a[0] != '{' {
		t.Errorf("state prints %q, with --format json %q", a, b)
	}
	for _, args := range [][]string{{"--format", "table", c.ID}, {"-f=table", c.ID}} {
		if r := c.Do(append([]string{"state"}, args...)...).OK(); !strings.Contains(r.Stdout, c.ID) ||
			r.Stdout[0] == '{' {
			t.Errorf("state %q: %q", args, r.Stdout)
		}
	}
	c.Do("state", "--format", "xml", c.ID).Fails("xml")
}
