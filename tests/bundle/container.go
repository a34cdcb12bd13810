package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A command of the runtime that takes longer than this hangs.
const commandLimit = time.Minute

// A Container is a bundle with the id and the state directory that the
// runtime's commands are called with. Its test ends with deleting it.
type Container struct {
	Runtime Runtime
	ID      string
	Dir     string // of the test: holds the bundle, the state and what else it needs
	Bundle  string
	Root    string // the runtime's state directory, of this container alone
	Cgroup  string // its path in the hierarchies; CgroupsPath makes a value for config.json of it

	t testing.TB
}

var containers atomic.Int64 // made by this process, to number them

// New makes a bundle for a test, to be run by the runtime under test in a
// cgroup of its own.
func New(t testing.TB, changes ...Change) *Container {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if Scratch() == "" {
		t.Fatal("bundle.New: the package's TestMain does not call bundle.Main")
	}
	runtime, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile(`[^A-Za-z0-9_.-]`).ReplaceAllString(t.Name(), "_")
	id = fmt.Sprintf("%.40s-%d", id, containers.Add(1))
	dir := filepath.Join(Scratch(), id)
	c := &Container{
		Runtime: runtime,
		ID:      id,
		Dir:     dir,
		Bundle:  filepath.Join(dir, "bundle"),
		Root:    filepath.Join(dir, "state"),
		Cgroup:  cgroupOf(id),
		t:       t,
	}
	inCgroup := func(s *specs.Spec) { s.Linux.CgroupsPath = CgroupsPath(c.Cgroup) }
	if err := Make(c.Bundle, Spec(append([]Change{inCgroup}, changes...)...)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.cleanUp)
	return c
}

// cleanUp deletes the container, whatever its test has made of it. A runtime
// that cannot, or that leaves something behind, fails the test.
func (c *Container) cleanUp() {
	if _, err := os.Stat(filepath.Join(c.Root, c.ID)); err == nil {
		c.Delete("--force").OK()
	}
	if !c.t.Failed() { // or it has been said already
		c.LeavesNothing()
	}
	if out, err := exec.Command("rm", "-rf", "--one-file-system", c.Dir).CombinedOutput(); err != nil {
		c.t.Errorf("removing %s: %v: %s", c.Dir, err, out)
	}
}

// Path returns the host's path of a file in the container's root filesystem.
func (c *Container) Path(name string) string { return filepath.Join(c.Bundle, "rootfs", name) }

// Configure writes config.json again, with other changes.
func (c *Container) Configure(changes ...Change) {
	c.t.Helper()
	inCgroup := func(s *specs.Spec) { s.Linux.CgroupsPath = CgroupsPath(c.Cgroup) }
	if err := WriteConfig(c.Bundle, Spec(append([]Change{inCgroup}, changes...)...)); err != nil {
		c.t.Fatal(err)
	}
}

// Create, Run and so on call the runtime's command of that name. The flags
// come before the container's id.

func (c *Container) Create(flags ...string) Result {
	c.t.Helper()
	return c.call("create", append([]string{"--bundle", c.Bundle}, flags...), c.ID)
}

func (c *Container) Run(flags ...string) Result {
	c.t.Helper()
	return c.call("run", append([]string{"--bundle", c.Bundle}, flags...), c.ID)
}

func (c *Container) Start() Result {
	c.t.Helper()
	return c.call("start", nil, c.ID)
}

// Exec calls exec with flags, which may be nil, and the process's arguments.
func (c *Container) Exec(flags []string, args ...string) Result {
	c.t.Helper()
	return c.call("exec", flags, append([]string{c.ID}, args...)...)
}

func (c *Container) Kill(signal string, flags ...string) Result {
	c.t.Helper()
	return c.call("kill", flags, c.ID, signal)
}

func (c *Container) Delete(flags ...string) Result {
	c.t.Helper()
	return c.call("delete", flags, c.ID)
}

func (c *Container) call(command string, flags []string, args ...string) Result {
	c.t.Helper()
	return c.Do(slices.Concat([]string{command}, flags, args)...)
}

// Command returns the call of the runtime with args, for tests that need more
// than Do offers: a standard input, a terminal, descriptors.
func (c *Container) Command(args ...string) *exec.Cmd {
	return c.Runtime.Command(c.Root, args...)
}

// Do calls the runtime with args and waits for its end. What a container
// prints after that is in the files that Stdout and Stderr read.
func (c *Container) Do(args ...string) Result {
	c.t.Helper()
	return c.Wait(c.Command(args...))
}

// Wait runs a command made by Command to its end. Output that the command has
// not sent elsewhere goes to files, because a container keeps the descriptors
// when the command that made it has ended.
func (c *Container) Wait(cmd *exec.Cmd) Result {
	c.t.Helper()
	r := Result{Call: cmd.Args, t: c.t}
	stdout, stderr := c.outputFile(), c.outputFile()
	defer stdout.Close()
	defer stderr.Close()
	if cmd.Stdout == nil {
		cmd.Stdout = stdout
	}
	if cmd.Stderr == nil {
		cmd.Stderr = stderr
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	overdue := time.AfterFunc(commandLimit, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	if !overdue.Stop() {
		c.t.Fatalf("%s: no end after %v", r, commandLimit)
	}
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		c.t.Fatalf("%s: %v", r, err)
	}
	r.Code = exitCode(cmd.ProcessState)
	r.stdout, r.stderr = stdout.Name(), stderr.Name()
	r.Stdout, r.Stderr = r.Output()
	return r
}

func (c *Container) outputFile() *os.File {
	c.t.Helper()
	f, err := os.CreateTemp(c.Dir, "output-")
	if err != nil {
		c.t.Fatal(err)
	}
	return f
}

// exitCode is the exit status as a shell gives it: 128 and the signal's number
// for a process that was killed.
func exitCode(state *os.ProcessState) int {
	if status := state.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// State is what the runtime's state command prints.
type State struct {
	specs.State
	Rootfs  string    `json:"rootfs"`
	Created time.Time `json:"created"`
	Owner   string    `json:"owner"`
}

// State returns the container's state; the command must succeed.
func (c *Container) State() State {
	c.t.Helper()
	r := c.Do("state", c.ID).OK()
	var s State
	if err := json.Unmarshal([]byte(r.Stdout), &s); err != nil {
		c.t.Fatalf("%s: %v in %q", r, err, r.Stdout)
	}
	return s
}

// WaitStatus waits until the container has the status.
func (c *Container) WaitStatus(status specs.ContainerState) State {
	c.t.Helper()
	var s State
	Eventually(c.t, "status "+string(status), func() bool {
		s = c.State()
		return s.Status == status
	})
	return s
}

// Eventually waits until a condition holds, and fails the test after ten
// seconds without it.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s after half a minute", what)
		}
	}
}

// A Result is what a call of the runtime gave.
type Result struct {
	Call           []string // the command line
	Code           int      // exit status; 128 and the signal's number when killed
	Stdout, Stderr string   // up to the end of the call

	stdout, stderr string // the files
	t              testing.TB
}

// String returns the command line, for messages.
func (r Result) String() string { return strings.Join(r.Call, " ") }

// OK requires the exit status 0.
func (r Result) OK() Result {
	r.t.Helper()
	return r.Exits(0)
}

// Exits requires an exit status.
func (r Result) Exits(code int) Result {
	r.t.Helper()
	if r.Code != code {
		r.t.Fatalf("%s: exit status %d, want %d\nstdout: %s\nstderr: %s", r, r.Code, code, r.Stdout, r.Stderr)
	}
	return r
}

// Fails requires the runtime's exit status for errors, 1, and that the message
// on stderr has all the parts.
func (r Result) Fails(parts ...string) Result {
	r.t.Helper()
	return r.FailsWith(1, parts...)
}

// FailsWith requires another exit status, and the same of the message.
func (r Result) FailsWith(code int, parts ...string) Result {
	r.t.Helper()
	r.Exits(code)
	for _, part := range parts {
		if !strings.Contains(r.Stderr, part) {
			r.t.Fatalf("%s: stderr lacks %q: %s", r, part, r.Stderr)
		}
	}
	return r
}

// Prints requires what the call, and by now the container that it made, has
// printed on stdout, spaces around it left aside.
func (r Result) Prints(want string) Result {
	r.t.Helper()
	if got, _ := r.Output(); strings.TrimSpace(got) != strings.TrimSpace(want) {
		r.t.Fatalf("%s: printed %q, want %q\nstderr: %s", r, got, want, r.Stderr)
	}
	return r
}

// Output returns what the call, and the container that it made, has printed
// so far.
func (r Result) Output() (stdout, stderr string) {
	r.t.Helper()
	read := func(name string) string {
		f, err := os.Open(name)
		if err != nil {
			r.t.Fatal(err)
		}
		defer f.Close()
		data, err := io.ReadAll(f)
		if err != nil {
			r.t.Fatal(err)
		}
		return string(data)
	}
	return read(r.stdout), read(r.stderr)
}
