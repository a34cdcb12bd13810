package integration

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// The calls of containerd's shim for the life of a container, word for word,
// with delete in every state that it is called in.
func TestCallsOfTheShim(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell(idle))
	log, pidFile := filepath.Join(c.Dir, "log.json"), filepath.Join(c.Dir, "init.pid")
	shim := func(args ...string) bundle.Result {
		return c.Do(append([]string{"--log", log, "--log-format", "json"}, args...)...)
	}
	// in the log, as the shim reads it, is the last error
	fails := func(words string, args ...string) {
		t.Helper()
		shim(args...).Exits(1)
		if msg := lastError(t, log)["msg"]; !strings.Contains(msg, words) {
			t.Errorf("%q: the log has %q, want %q", args, msg, words)
		}
	}
	fails("does not exist", "delete", c.ID)
	shim("delete", "--force", c.ID).OK()
	fails("does not exist", "kill", c.ID, "9")

	created := shim("create", "--bundle", c.Bundle, "--pid-file", pidFile, c.ID).OK()
	if got := read(t, pidFile); got != strconv.Itoa(c.State().Pid) {
		t.Errorf("the pid file has %q, state %d", got, c.State().Pid)
	}
	fails("not stopped", "delete", c.ID)
	fails("already exists", "create", "--bundle", c.Bundle, "--pid-file", pidFile, c.ID)
	shim("start", c.ID).OK()
	waitReady(t, created)
	fails("not stopped", "delete", c.ID)
	shim("kill", c.ID, "15").OK() // the first process of a pid namespace has no handler for it
	shim("kill", "--all", c.ID, "9").OK()
	c.WaitStatus(specs.StateStopped)
	fails("container not running", "kill", c.ID, "9") // which the shim takes for "not found"
	shim("delete", c.ID).OK()
	fails("does not exist", "delete", c.ID)
	shim("delete", "--force", c.ID).OK()
	c.LeavesNothing()

	for _, started := range []bool{false, true} {
		created := shim("create", "--bundle", c.Bundle, "--pid-file", pidFile, "--no-pivot", c.ID).OK()
		if started {
			shim("start", c.ID).OK()
			waitReady(t, created)
		}
		shim("delete", "--force", c.ID).OK()
		c.LeavesNothing()
	}
	for _, line := range logLines(t, log) {
		if line["level"] != "error" {
			t.Errorf("in the log: %v", line)
		}
	}
}

// The calls of podman with conmon, and of CRI-O.
func TestCallsOfPodman(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done"))
	log, pidFile := filepath.Join(c.Dir, "log.json"), filepath.Join(c.Dir, "pidfile")
	call := func(args ...string) bundle.Result {
		cmd := c.Command(args...)
		cmd.Env = []string{"XDG_RUNTIME_DIR=/run", "PATH=" + os.Getenv("PATH")}
		return c.Wait(cmd)
	}
	for _, kill := range [][]string{{"kill", c.ID, "15"}, {"kill", c.ID, "SIGTERM"}, {"kill", "-a", c.ID, "9"},
		{"kill", "--all", c.ID, "9"}} {
		created := call("--log-format=json", "--log", log, "create", "--bundle", c.Bundle, "--pid-file", pidFile,
			c.ID).OK()
		call("start", c.ID).OK()
		waitReady(t, created)
		call(kill...).OK()
		c.WaitStatus(specs.StateStopped)
		call("delete", "--force", c.ID).OK()
		call("delete", "--force", c.ID).OK()
		c.LeavesNothing()
	}
	if text := read(t, log); text != "" {
		t.Errorf("the log: %s", text)
	}
}

// Clients may have rung in the place of runc or crun.
func TestInstalledNames(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	copied := filepath.Join(c.Dir, "runc")
	host(t, "cp", c.Runtime.Path, copied)
	linked := filepath.Join(c.Dir, "crun")
	if err := os.Symlink(c.Runtime.Path, linked); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{copied, linked} {
		name := filepath.Base(path)
		first, rest, _ := strings.Cut(host(t, path, "--version"), "\n")
		if !strings.HasPrefix(first, name+" version ") || !strings.Contains(rest, "\nspec: ") ||
			!strings.HasPrefix(rest, "commit: ") {
			t.Errorf("%s --version: %q, %q", name, first, rest)
		}
		host(t, path, "--root", c.Root, "run", "--bundle", c.Bundle, c.ID)
		if text := host(t, path, "help", "create"); !strings.HasPrefix(text, "NAME:\n   "+name+" create") {
			t.Errorf("%s help create: %s", name, text)
		}
	}
}

// The flags of exec that name sockets, files and labels; and what follows the ID
// is the process's.
func TestExecFlagsOfClients(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	exec := func(args ...string) bundle.Result { return c.Do(append([]string{"exec"}, args...)...) }
	exec(c.ID, "echo", "--cwd", "/", "-e", "--", "-d").OK().Prints("--cwd / -e -- -d")
	exec("--env", "A=1", "-env=B=2,3", c.ID, "sh", "-c", "echo $A $B").OK().Prints("1 2,3")
	exec("-p", filepath.Join(c.Dir, "missing"), c.ID).Exits(255)
	exec("--nope", c.ID, "true").Exits(1)
	for flag, lsm := range map[string]string{"--process-label": "SELinux", "--apparmor": "AppArmor"} {
		if r := exec(flag, "x", c.ID, "true"); !strings.Contains(r.Stderr, lsm) && r.Code == 0 {
			t.Errorf("exec %s x: %q", flag, r.Stderr) // neither applied nor told
		}
	}

	process := filepath.Join(c.Dir, "process.json")
	write(t, process,
		`{"terminal": true, "user": {"uid": 0, "gid": 0}, "args": ["sh", "-c", "tty; `+
			`sleep 1000"], "env": ["PATH=/bin"], "cwd": "/"}`)
	console, pidFile := listen(t, c.Dir), filepath.Join(c.Dir, "exec.pid")
	exec("--process", process, "--console-socket", console.path, "--detach", "--pid-file", pidFile, c.ID).OK()
	newScreen(t, console.wait(t).fd).shows(t, "/dev/pts/")
	inPs := func() {
		t.Helper()
		if r := c.Do("ps", "--format", "json", c.ID).OK(); !strings.Contains(r.Stdout, read(t, pidFile)) {
			t.Errorf("process %s is not among %s", read(t, pidFile), r.Stdout)
		}
	}
	inPs()

	sockets := filepath.Join(c.Dir, "pidfd")
	if err := os.Mkdir(sockets, 0o755); err != nil {
		t.Fatal(err)
	}
	pidfd := listen(t, sockets)
	exec("-tty", "-d", "--console-socket", pidfd.path, "--pid-file", pidFile, c.ID, "sleep", "1000").OK()
	pidfd.wait(t)
	inPs()
	if err := os.Remove(pidfd.path); err != nil {
		t.Fatal(err)
	}
	pidfd = listen(t, sockets)
	exec("-d", "--pidfd-socket", pidfd.path, "--pid-file", pidFile, c.ID, "sleep", "1000").OK()
	got := pidfd.wait(t)
	info := read(t, "/proc/self/fdinfo/"+strconv.Itoa(got.fd))
	if !strings.Contains(info, "Pid:\t"+read(t, pidFile)+"\n") {
		t.Errorf("the pidfd is of another process than %s: %s", read(t, pidFile), info)
	}
}
