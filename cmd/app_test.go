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
	if a := New(Build{}); a.version() != "unknown\ncommit: unknown\nspec: "+specs.Version+"\ngo: "+runtime.Version() {
		t.Errorf("a build without version: %q", a.version())
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
		{"--systemd-cgroup state c", "--systemd-cgroup is not supported yet"},
		{"--cgroup-manager systemd list", "--cgroup-manager systemd is not supported yet"},
		{"--cgroup-manager=disabled list", "--cgroup-manager disabled is not supported yet"},
		{"--cgroup-manager x list", `"x" is no cgroup manager`},
		{"--rootless true list", "--rootless true is not supported yet"},
		{"--rootless=maybe list", `--rootless: "maybe"`},
		{"--log-level loud list", `log level "loud"`},
		{"--root / list", "root"},
		{"state", "state: an argument is missing: usage: rung state [options] ID"},
		{"state c d", `unexpected argument "d"`},
		{"state --nope c", "state: flag provided but not defined: -nope"},
		{"delete c --force", "flag --force after an argument"},
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
			t.Errorf("rung %s: exit code %d, stdout %q, error %q; want 1 and %q", tt.args, got.code, got.stdout, got.err, tt.want)
		}
	}
}

func TestDeleteForceOfNothing(t *testing.T) {
	for _, flag := range []string{"-f", "--force", "-force", "--force=true"} {
		if got := rung(t, t.TempDir(), "delete", flag, "c"); got.code != 0 {
			t.Errorf("delete %s: exit code %d, %s", flag, got.code, got.err)
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
		{"--help", []string{"create", "delete", "features", "kill", "list", "plan", "run", "spec", "start", "state", "--root DIR", "--strict"}},
		{"help", []string{"create", "state", "--log FILE"}},
		{"help create", []string{"rung create", "--console-socket PATH", "--bundle DIR, -b DIR"}},
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
	if code := a.Run([]string{"rung", "--root", dir, "--image-dir", "/x", "--strict", "--debug", "--log", log, "list"}); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if got.Store.Root() != dir || got.ImageDir != "/x" || !got.Strict || got.Version != "1.2.3" || !got.Log.Enabled(logs.LevelDebug) {
		t.Errorf("got %+v", got)
	}
}

func TestRootDir(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/7")
	want := "/run/user/7/rung"
	if os.Geteuid() == 0 {
		want = ""
	}
	if got := (&globalFlags{}).rootDir(); got != want {
		t.Errorf("the default is %q, want %q", got, want)
	}
	if got := (&globalFlags{root: "/r"}).rootDir(); got != "/r" {
		t.Errorf("--root /r is %q", got)
	}
}
