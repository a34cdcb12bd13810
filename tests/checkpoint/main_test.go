// Package checkpoint tests checkpoint and restore on real containers, as root,
// with the CRIU that tests/fetch-criu has put into bin/criu, or else the machine's.
package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/tests/bundle"
)

func TestMain(m *testing.M) {
	if dir, err := filepath.Abs("../../bin/criu"); err == nil {
		if _, err := os.Stat(filepath.Join(dir, "criu")); err == nil {
			os.Setenv("PATH", dir+":"+os.Getenv("PATH"))
		}
	}
	if bundle.Scratch() != "" {
		if err := mountHierarchies(); err != nil {
			fmt.Fprintln(os.Stderr, "checkpoint:", err)
			os.Exit(1)
		}
		os.Exit(cleanUp(m.Run()))
	}
	bundle.Main(m)
}

// cleanUp removes the tests' cgroups from those hierarchies that only they see.
func cleanUp(code int) int {
	left, err := bundle.RemoveCgroups(bundle.CgroupParent())
	if len(left) > 0 || err != nil {
		fmt.Fprintln(os.Stderr, "left behind:", left, err)
		return max(code, 1)
	}
	return code
}

// mountHierarchies mounts, in the tests' own mount namespace, the cgroup hierarchies
// that exist without being mounted: some other program has, or had. A container is
// at the root of one that rung cannot see, and then CRIU cannot save its cgroups.
func mountHierarchies() error {
	memberships, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return err
	}
	found, err := cgroups.Find()
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(memberships)) {
		controllers := strings.Split(line, ":")[1]
		mounted := slices.ContainsFunc(found, func(h cgroups.Hierarchy) bool {
			return strings.Join(h.Controllers, ",") == controllers
		})
		if mounted || controllers == "" || strings.HasPrefix(controllers, "name=") {
			continue
		}
		at := filepath.Join(bundle.Scratch(), "hierarchy-"+controllers)
		if err := os.Mkdir(at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("cgroup", at, "cgroup", 0, controllers); err != nil {
			return fmt.Errorf("mounting the hierarchy %s: %w", controllers, err)
		}
	}
	return nil
}

// works tells why CRIU does not work on this machine.
var works = sync.OnceValue(func() error {
	path, err := exec.LookPath("criu")
	if err != nil {
		return err
	}
	if out, err := exec.Command(path, "check").CombinedOutput(); err != nil {
		return errors.New(path + " check: " + err.Error() + ": " + lastLine(string(out)))
	}
	return nil
})

func needCRIU(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if err := works(); err != nil {
		t.Skip("no CRIU that works here (tests/fetch-criu fetches one): ", err)
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// has tells whether the kernel has what CRIU calls a feature.
func has(t *testing.T, feature string) bool {
	t.Helper()
	return exec.Command("criu", "check", "--feature", feature).Run() == nil
}

// A subject is a container with a place for its images.
type subject struct {
	*bundle.Container
	t      *testing.T
	images string
}

// counter is a script that counts, in its memory, and writes where it is to a file
// and, once it was told to, to its output.
const counter = `token=$$.$RANDOM; n=0; echo ready $token
while :; do
	n=$((n+1)); echo $n >/tmp/now; mv /tmp/now /tmp/count
	[ -e /tmp/speak ] && echo "still $token" && rm /tmp/speak
	sleep 0.02
done`

// subject makes a container that is not started yet.
func newSubject(t *testing.T, script string, changes ...bundle.Change) *subject {
	t.Helper()
	needCRIU(t)
	t.Parallel()
	c := bundle.New(t, append([]bundle.Change{bundle.Shell(script)}, changes...)...)
	return &subject{c, t, filepath.Join(c.Dir, "images")}
}

// start creates and starts it, and waits until it prints "ready".
func (s *subject) start() *output {
	s.t.Helper()
	out := newOutput(s.t)
	s.into(out, "create", "--bundle", s.Bundle, s.ID).OK()
	s.Start().OK()
	out.prints("ready")
	if out.String() != "ready\n" { // the counter prints more, and begins to count
		bundle.Eventually(s.t, "counting", func() bool { _, err := os.Stat(s.Path("tmp/count")); return err == nil })
	}
	return out
}

// into calls the runtime with a pipe as its standard output.
func (s *subject) into(out *output, args ...string) bundle.Result {
	s.t.Helper()
	cmd := s.Command(args...)
	cmd.Stdout = out.pipe
	defer out.pipe.Close()
	return s.Wait(cmd)
}

// An output collects what a container prints to a pipe, as it does below the usual
// clients. CRIU gives a process no other regular file than one of the same size.
type output struct {
	t    *testing.T
	pipe *os.File // its write end
	mu   sync.Mutex
	text strings.Builder
}

func newOutput(t *testing.T) *output {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out := &output{t: t, pipe: w}
	go io.Copy(out, r)
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	return out
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// prints waits until a text was printed.
func (o *output) prints(text string) {
	o.t.Helper()
	defer func() {
		if o.t.Failed() {
			o.t.Logf("printed %q", o)
		}
	}()
	bundle.Eventually(o.t, strconv.Quote(text)+" in the output", func() bool {
		return strings.Contains(o.String(), text)
	})
}

func (s *subject) checkpoint(flags ...string) bundle.Result {
	s.t.Helper()
	return s.Do(append(append([]string{"checkpoint", "--image-path", s.images}, flags...), s.ID)...)
}

// checkpointing begins a checkpoint in a process group of its own, and waits until
// CRIU is at work. Its errors go to the file "errors": CRIU holds a pipe open.
func (s *subject) checkpointing(flags ...string) *exec.Cmd {
	s.t.Helper()
	cmd := s.Command(append(append([]string{"checkpoint", "--image-path", s.images}, flags...), s.ID)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	errors, err := os.Create(filepath.Join(s.Dir, "errors"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer errors.Close()
	cmd.Stderr = errors
	log := filepath.Join(s.images, "dump.log")
	os.Remove(log)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	bundle.Eventually(s.t, "log of CRIU", func() bool { _, err := os.Stat(log); return err == nil })
	return cmd
}

// locked tells whether the container is locked.
func (s *subject) locked() bool {
	return exec.Command("flock", "--nonblock", filepath.Join(s.Root, s.ID), "true").Run() != nil
}

// restore restores it in the background.
func (s *subject) restore(flags ...string) bundle.Result {
	s.t.Helper()
	return s.restoreInto(newOutput(s.t), flags...)
}

func (s *subject) restoreInto(out *output, flags ...string) bundle.Result {
	s.t.Helper()
	return s.into(out, append(append([]string{"restore", "--detach", "--bundle", s.Bundle, "--image-path", s.images},
		flags...), s.ID)...)
}

// gone requires that nothing of the container is left.
func (s *subject) gone() {
	s.t.Helper()
	s.Do("state", s.ID).Fails("does not exist")
	s.LeavesNothing()
}

func (s *subject) count() int {
	s.t.Helper()
	text, err := os.ReadFile(s.Path("tmp/count"))
	if err != nil {
		s.t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// counts waits until the counter has moved on from n, and requires that it did not
// begin anew.
func (s *subject) counts(n int) {
	s.t.Helper()
	bundle.Eventually(s.t, "counting", func() bool { return s.count() != n })
	if now := s.count(); now < n {
		s.t.Fatalf("the counter is at %d, after %d before", now, n)
	}
}

// invite gives the container the program guest.
func (s *subject) invite() {
	s.t.Helper()
	host(s.t, "cp", bundle.Program(s.t, "guest"), s.Path("bin/guest"))
}

func (s *subject) write(path, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *subject) read(path string) string {
	s.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// host runs a command of the machine and returns what it prints.
func host(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func bind(source, destination string, options ...string) bundle.Change {
	return bundle.Mount(specs.Mount{Type: "bind", Source: source, Destination: destination,
		Options: append(options, "bind")})
}
