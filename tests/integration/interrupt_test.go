package integration

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// A signal that asks for the end while run still creates ends the creation, and
// with it hooks that would never end.
func TestInterruptedCreation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind   string
		signal syscall.Signal
		name   string
	}{
		{"prestart", syscall.SIGHUP, "SIGHUP"},
		{"createRuntime", syscall.SIGTERM, "SIGTERM"},
		{"createContainer", syscall.SIGINT, "SIGINT"},
		{"startContainer", syscall.SIGQUIT, "SIGQUIT"},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			t.Parallel()
			dir := newDir(t)
			c := bundle.New(t, bundle.Shell("echo ran >"+dir+"/process"), func(s *specs.Spec) {
				s.Hooks = &specs.Hooks{Poststop: []specs.Hook{shellHook("touch " + dir + "/poststop")}}
				setHooks(s.Hooks, tt.kind,
					[]specs.Hook{shellHook("trap '' 1 2 3 15; touch " + dir + "/hook; while :; do sleep 1; done")})
			}, bundle.Mount(specs.Mount{Destination: dir, Source: dir, Options: []string{"bind"}}))
			exists := func(name string) bool {
				_, err := os.Stat(filepath.Join(dir, name))
				return err == nil
			}
			cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			overdue := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
			defer overdue.Stop()
			bundle.Eventually(t, "hook", func() bool { return exists("hook") })
			if err := cmd.Process.Signal(tt.signal); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 128+int(tt.signal) {
				t.Errorf("%v, want exit status %d", cmd.ProcessState, 128+int(tt.signal))
			}
			for _, want := range []string{"interrupted by " + tt.name, tt.kind} {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("stderr lacks %q: %s", want, stderr.String())
				}
			}
			if exists("process") {
				t.Error("the process was executed")
			}
			if !exists("poststop") {
				t.Error("the poststop hooks did not run")
			}
			c.LeavesNothing()
		})
	}
}

// At whatever moment a signal comes, run ends and nothing stays.
func TestRunSignalAtOnce(t *testing.T) {
	t.Parallel()
	// or the signal would be nothing to it
	c := bundle.New(t, bundle.Args("sleep", "1001"), bundle.WithoutNamespace(specs.PIDNamespace))
	for i := range 20 {
		cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		overdue := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
		time.Sleep(time.Duration(i) * 300 * time.Microsecond)
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		overdue.Stop()
		if code := exitStatus(cmd.ProcessState); code != 128+15 {
			t.Errorf("after %d×0.3 ms: exit status %d, want %d", i, code, 128+15)
		}
		c.LeavesNothing()
	}
}

// What would have to be waited for is no configuration.
func TestConfigOfAnotherKind(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	config := filepath.Join(c.Bundle, "config.json")
	for kind, make := range map[string]func() error{
		"a FIFO":      func() error { return syscall.Mkfifo(config, 0o600) },
		"a directory": func() error { return os.Mkdir(config, 0o700) },
		"a device":    func() error { return os.Symlink("/dev/zero", config) },
	} {
		if err := os.Remove(config); err != nil {
			t.Fatal(err)
		}
		if err := make(); err != nil {
			t.Fatal(err)
		}
		c.Run().Fails(fmt.Sprintf("%s: is %s, not a regular file", config, kind))
		c.LeavesNothing()
	}
	namespace := filepath.Join(c.Dir, "fifo")
	if err := syscall.Mkfifo(namespace, 0o600); err != nil {
		t.Fatal(err)
	}
	os.Remove(config)
	c.Configure(bundle.Namespace(specs.NetworkNamespace, namespace))
	c.Run().Fails("linux.namespaces", namespace)
	c.LeavesNothing()
}
