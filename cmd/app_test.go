package cmd

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/libcontainer/logs"
	"github.com/rung-oci/rung/libcontainer/store"
)

// result is what a command line did.
type result struct {
	code   int
	stdout string
	err    string // the last error in the log
}

// rung runs a command line with a log, and --root unless root is empty.
func rung(t *testing.T, root string, args ...string) result {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log.json")
	global := []string{"rung", "--log", log, "--log-format=json"}
	if root != "" {
		global = append(global, "-root", root)
	}
	var stdout bytes.Buffer
	a := New(Build{Version: "1.2.3", Commit: "abc"})
	a.stdout = &stdout
	code := a.Run(append(global, args...))
	return result{code, stdout.String(), lastError(t, log)}
}

// lastError reads a log as containerd does.
func lastError(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	last := ""
	for d := json.NewDecoder(f); ; {
		var line struct{ Level, Msg string }
		if err := d.Decode(&line); err == io.EOF {
			return last
		} else if err != nil {
			t.Fatal(err)
		}
		if line.Level == "error" {
			last = line.Msg
		}
	}
}

func TestVersion(t *testing.T) {
	for _, flag := range []string{"--version", "-version", "-v"} {
		got := rung(t, "", flag)
		want := "rung version 1.2.3\ncommit: abc\nspec: " + specs.Version + "\ngo: " + runtime.Version() + "\n"
		if got.code != 0 || got.stdout != want {
			t.Errorf("%s: exit code %d, %q; want %q", flag, got.code, got.stdout, want)
		}
	}
	if a := New(Build{}); a.version("rung") != "unknown\ncommit: unknown\nspec: "+specs.Version+"\ngo: "+
		runtime.Version() {
		t.Errorf("a build without version: %q", a.version("rung"))
	}
}

func TestErrors(t *testing.T) {
	root := t.TempDir()
	for _, tt := range []struct {
		args string
		want string // part of the message
	}{
		{"", "no command"},
		{"explode c", `unknown command "explode"`},
		{"--nope", "flag provided but not defined: -nope"},
		{"--systemd-cgroup --allow x --cgroup-manager disabled list", "exclude each other"},
		{"--cgroup-manager x list", `"x" is no cgroup manager`},
		{"--rootless=maybe list", `--rootless: "maybe"`},
		{"--log-level loud list", `log level "loud"`},
		{"--root / list", "root"},
		{"state", "state: an argument is missing: usage: rung state [options] ID"},
		{"state c d", `unexpected argument "d"`},
		{"state --nope c", "state: flag provided but not defined: -nope"},
		{"delete c --nope", "there is no flag --nope: usage: rung delete [options] ID"},
		{"kill c 9 --nope", "there is no flag --nope"},
		{"list --root /x", "list: flag provided but not defined: -root: it is a global flag"},
		{"kill c 9 d", `unexpected argument "d"`},
		{"kill c NOPE", `invalid signal "NOPE"`},
		{"list c", `unexpected argument "c"`},
		{"list --format xml", `format "xml"`},
		{"features c", `unexpected argument "c"`},
		{"spec c", `unexpected argument "c"`},
		{"plan a b", `unexpected argument "b"`},
		{"create", "create: an argument is missing"},
		{"run", "run: an argument is missing"},
		{"create --preserve-fds x c", "preserve-fds"},
		{"start", "start: an argument is missing"},
		{"state c", "does not exist"},
		{"start c", "does not exist"},
		{"kill c", "does not exist"},
		{"kill -a c SIGKILL", "does not exist"},
		{"delete c", "does not exist"},
		// names of commands can be arguments
		{"state h", "does not exist"},
		{"state help", "does not exist"},
		{"state state", "does not exist"},
		{"delete list", "does not exist"},
	} {
		got := rung(t, root, strings.Fields(tt.args)...)
		if got.code != 1 || got.stdout != "" || !strings.Contains(got.err, tt.want) {
			t.Errorf("rung %s: exit code %d, stdout %q, error %q; want 1 and %q", tt.args, got.code, got.stdout,
				got.err, tt.want)
		}
	}
}

func TestDeleteForceOfNothing(t *testing.T) {
	for _, args := range []string{"-f c", "--force c", "-force c", "--force=true c", "--force --force c", "c --force",
		"c -f", "-- c"} {
		want := 0
		if args == "-- c" {
			want = 1
		}
		if got := rung(t, t.TempDir(), append([]string{"delete"}, strings.Fields(args)...)...); got.code != want {
			t.Errorf("delete %s: exit code %d, %s", args, got.code, got.err)
		}
	}
}

// A wrong flag is told in the log, even if it is one of the log's own.
func TestLogOfAWrongFlag(t *testing.T) {
	for _, args := range []string{"--log-format xml list", "--debug --nope list", "--log-level"} {
		log := filepath.Join(t.TempDir(), "log")
		if code := New(Build{}).Run(append([]string{"rung", "--log", log}, strings.Fields(args)...)); code != 1 {
			t.Errorf("rung %s: exit code %d, want 1", args, code)
		}
		text, err := os.ReadFile(log)
		if err != nil || !bytes.Contains(text, []byte("level=error msg=")) {
			t.Errorf("rung %s: the log is %q, %v", args, text, err)
		}
	}
}

func TestLogFails(t *testing.T) {
	a := New(Build{})
	if code := a.Run([]string{"rung", "--log", filepath.Join(t.TempDir(), "no", "log"), "features"}); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
}

func TestHelp(t *testing.T) {
	for _, tt := range []struct {
		args string
		want []string
	}{
		{"--help", []string{"check", "create", "delete", "exec", "features", "kill", "list", "plan", "run", "spec",
			"start", "state", "--root DIR", "--strict"}},
		{"help", []string{"create", "state", "--log FILE"}},
		{"help create", []string{"rung create", "--console-socket PATH", "--bundle DIR, -b DIR"}},
		{"--help", []string{"A container's life (OCI):", "Looking:", "Tools:"}},
		{"help kill", []string{"DESCRIPTION:\n   Sends a signal", "EXAMPLES:\n   # ask it to end\n   rung kill c1\n"}},
		{"kill c1 --help", []string{"rung kill --all c1 KILL"}},
		{"create --help", []string{"rung create [command options] ID", "--pidfd-socket PATH"}},
		{"-h state", []string{"rung state [command options] ID"}},
	} {
		got := rung(t, "", strings.Fields(tt.args)...)
		if got.code != 0 {
			t.Errorf("rung %s: exit code %d, %s", tt.args, got.code, got.err)
		}
		for _, want := range tt.want {
			if !strings.Contains(got.stdout, want) {
				t.Errorf("rung %s: nothing of %q in:\n%s", tt.args, want, got.stdout)
			}
		}
	}
}

func TestConfigure(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	var got libcontainer.Runtime
	a := New(Build{Version: "1.2.3", Configure: func(r *libcontainer.Runtime) { got = *r }})
	a.stdout = io.Discard
	if code := a.Run([]string{"rung", "--root", dir, "--image-dir", "/x", "--strict", "--debug", "--log", log,
		"list"}); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if got.Store.Root() != dir || got.ImageDir != "/x" || !got.Strict || got.Version != "1.2.3" ||
		!got.Log.Enabled(logs.LevelDebug) {
		t.Errorf("got %+v", got)
	}
}

// Where the state is: --root, or the default, which need not exist.
func TestStore(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	want := filepath.Join(dir, "rung")
	if os.Geteuid() == 0 {
		want = store.DefaultRoot
	}
	if s, err := (&globalFlags{}).store(); err != nil || s.Root() != want {
		t.Errorf("the default is %q, %v, want %q", s.Root(), err, want)
	}
	if s, err := (&globalFlags{root: "/r"}).store(); err != nil || s.Root() != "/r" {
		t.Errorf("--root /r is %q, %v", s.Root(), err)
	}
	if got := rung(t, filepath.Join(dir, "missing"), "list"); got.code != 1 || !strings.Contains(got.err, "missing") {
		t.Errorf("list of a --root that is missing: exit code %d, %s", got.code, got.err)
	}
	if s, err := store.NewDefault(filepath.Join(dir, "missing")); err != nil {
		t.Error(err)
	} else if ids, err := s.List(); err != nil || len(ids) > 0 {
		t.Errorf("list of a default that is missing: %v, %v", ids, err)
	}
}

// Clients look at the name that an executable is called by, and at the first
// line of its version.
func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"runc": "runc", "/usr/sbin/runc": "runc", "./buildkit-runc": "runc", "/usr/bin/crun": "crun",
		"podman-crun": "crun",
		"rung":        "rung", "/x/runcrung": "rung", "runc-rung": "rung", "": "rung",
	} {
		var stdout bytes.Buffer
		a := New(Build{Version: "1.2.3", Commit: "abc"})
		a.stdout = &stdout
		if code := a.Run([]string{name, "--version"}); code != 0 {
			t.Errorf("%s: exit code %d", name, code)
		}
		lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
		if lines[0] != want+" version 1.2.3" || lines[1] != "commit: abc" || !strings.HasPrefix(lines[2], "spec: ") {
			t.Errorf("%s: %q", name, lines)
		}
		if peer := lines[len(lines)-1] == "implementation: rung"; peer != (want != "rung") {
			t.Errorf("%s: the last line is %q", name, lines[len(lines)-1])
		}
	}
}

func TestRootless(t *testing.T) {
	for text, want := range map[string]*bool{"": nil, "auto": nil, "AUTO": nil, "false": new(false), "0": new(false),
		"true": new(true), "1": new(true), "TRUE": new(true)} {
		if got, err := parseRootless(text); err != nil || (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("--rootless %q: %v, %v", text, got, err)
		}
	}
}

// Every command is in a group, and has a description and an example of itself.
func TestEveryCommandIsExplained(t *testing.T) {
	for _, c := range New(Build{}).Definition().Commands {
		h := HelpOf(c.Name)
		if c.Category == "" || c.Usage == "" || c.Description == "" || len(h.Examples) == 0 {
			t.Errorf("%s: group %q, usage %q, description %q, %d examples", c.Name, c.Category, c.Usage, c.Description,
				len(h.Examples))
		}
		for _, line := range strings.Split(c.Description, "\n") {
			if len(line) > 82 {
				t.Errorf("%s: a line of the description has %d characters: %s", c.Name, len(line), line)
			}
		}
		for _, e := range h.Examples {
			if !strings.Contains(e.Line, "rung ") || !strings.Contains(e.Line, " "+c.Name) {
				t.Errorf("%s: the example %q is of something else", c.Name, e.Line)
			}
			checkExample(t, e.Line)
		}
	}
}

// checkExample requires that the flags of an example exist.
func checkExample(t *testing.T, line string) {
	t.Helper()
	app := New(Build{}).Definition()
	for part := range strings.SplitSeq(line, "|") {
		_, call, ok := strings.Cut(part, "rung ")
		if !ok {
			continue
		}
		args := append([]string{"rung"}, strings.Fields(call)...)
		at := commandIndex(app, args)
		c := app.Command(args[at])
		if c == nil {
			t.Errorf("%s: no command %s", line, args[at])
			return
		}
		for _, arg := range args[at+1:] {
			if known, _ := findFlag(c.Flags, arg); strings.HasPrefix(arg, "--") && !known {
				t.Errorf("%s: no flag %s", line, arg)
			}
		}
	}
}
