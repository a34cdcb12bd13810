package checkpoint

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// What is wrong with the command line is told before anything is done.
func TestBadOptions(t *testing.T) {
	s := newSubject(t, counter)
	s.start()
	file := filepath.Join(s.Dir, "file")
	s.write(file, "")
	for _, tt := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--manage-cgroups-mode", "hard"}, "is none of soft, full, strict and ignore"},
		{[]string{"--empty-ns", "ipc"}, "--empty-ns:"},
		{[]string{"--page-server", "nowhere"}, "--page-server"},
		{[]string{"--page-server", "127.0.0.1:99999"}, "--page-server"},
		{[]string{"--status-fd", "77"}, "--status-fd: descriptor 77"},
		{[]string{"--parent-path", "../none"}, "--parent-path"},
		{[]string{"--parent-path", "../file"}, "--parent-path"},
		{[]string{"--work-path", file}, "--work-path"},
		{[]string{"--image-path", file}, "--image-path"},
	} {
		s.checkpoint(tt.flags...).Fails(tt.want)
	}
	if s.State().Status != specs.StateRunning {
		t.Error("the container does not run any more")
	}
	s.Do("checkpoint", "none").Fails("does not exist")
	s.checkpoint("--leave-running").OK()
	s.restore().Fails("container with given ID already exists")
	s.Kill("KILL").OK()
	s.WaitStatus(specs.StateStopped)
	s.checkpoint().Fails("cannot be checkpointed in stopped state")
	s.Delete().OK()
	s.Create().OK()
	s.checkpoint().Fails("cannot be checkpointed in created state")
	s.Delete("--force").OK()

	s.restore("--image-path", filepath.Join(s.Dir, "none")).Fails("--image-path", "no such file or directory")
	s.restore("--work-path", file).Fails("--work-path")
	s.restore("--empty-ns", "user").Fails("--empty-ns")
	s.gone()
}

// What the kernel cannot do is said in words, and what it can is done.
func TestKernelFeatures(t *testing.T) {
	s := newSubject(t, counter)
	s.start()
	dump := s.checkpoint("--pre-dump")
	if has(t, "mem_dirty_track") {
		dump.OK()
	} else {
		dump.Fails("--pre-dump: this kernel does not track which memory changes")
	}
	if !has(t, "uffd-noncoop") {
		s.checkpoint("--lazy-pages").Fails("--lazy-pages: this kernel does not let criu bring memory later")
		s.restore("--lazy-pages").Fails("--lazy-pages")
	}
	s.counts(s.count())
}

// The error of a restore quotes CRIU's log and says where it is; nothing of the
// container is left.
func TestBrokenImages(t *testing.T) {
	s := newSubject(t, counter)
	s.start()
	s.checkpoint().OK()
	empty := filepath.Join(s.Dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	s.restore("--image-path", empty).Fails(empty + " is no checkpoint: inventory.img: no such file")
	s.gone()
	cores, _ := filepath.Glob(filepath.Join(s.images, "core-*.img"))
	if len(cores) == 0 {
		t.Fatal("no core-*.img among the images")
	}
	s.write(cores[0], "nonsense")
	s.restore("--work-path", empty).Fails("criu restore failed", "core-1.img", filepath.Join(empty, "restore.log"))
	s.gone()
	s.write(filepath.Join(s.images, "descriptors.json"), "{")
	s.restore().Fails("--image-path: descriptors.json")
	s.gone()
}

func TestMissingCRIU(t *testing.T) {
	s := newSubject(t, counter)
	s.start()
	path, err := exec.LookPath("criu")
	if err != nil {
		t.Fatal(err)
	}
	without := func(flags ...string) bundle.Result {
		t.Helper()
		cmd := s.Command(append(flags, "checkpoint", "--leave-running", "--image-path", s.images, s.ID)...)
		cmd.Env = []string{"PATH=" + s.Dir}
		return s.Wait(cmd)
	}
	without().Fails("looking for CRIU", "not found", "hint", "--criu PATH")
	cmd := s.Command("--criu", path, "checkpoint", "--leave-running", "--image-path", s.images, s.ID)
	s.Wait(cmd).OK()
	without("--criu", "/bin/false").Fails("criu ended without an answer", "exit status 1")
	without("--criu", "/none/criu").Fails("/none/criu")
	s.counts(s.count())
}

// Images come from elsewhere: what is among them may be anything.
func TestForeignImages(t *testing.T) {
	s := newSubject(t, counter)
	s.start()
	s.checkpoint().OK()
	name := filepath.Join(s.images, "descriptors.json")
	for _, tt := range []struct {
		make func() error
		want string
	}{
		{func() error { return syscall.Mkfifo(name, 0o600) }, "descriptors.json: is a FIFO"},
		{func() error {
			return os.Symlink("/dev/zero", name)
		}, "open descriptors.json: too many levels of symbolic links"},
		{func() error { return os.Mkdir(name, 0o700) }, "descriptors.json: is a directory"},
		{func() error { return os.WriteFile(name, make([]byte, 1<<20), 0o600) }, "descriptors.json: has 1048576 bytes"},
	} {
		if err := errors.Join(os.Remove(name), tt.make()); err != nil {
			t.Fatal(err)
		}
		s.restore().Fails("--image-path", tt.want)
		s.gone()
	}
}

// Nothing is written to what another user has put where the images are to be.
func TestForeignDirectory(t *testing.T) {
	s := newSubject(t, counter)
	s.start()
	precious := filepath.Join(s.Dir, "precious")
	s.write(precious, "untouched")
	if err := os.Mkdir(s.images, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"descriptors.json", "rung.ignore-cgroups"} {
		if err := os.Symlink(precious, filepath.Join(s.images, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.checkpoint().OK()
	if text := s.read(precious); text != "untouched" {
		t.Errorf("it has now %q", text)
	}
	n := s.count()
	s.restore().OK()
	s.counts(n)
}

// A configuration file for CRIU is named by an annotation.
func TestConfigFile(t *testing.T) {
	s := newSubject(t, "exec guest lock /tmp/lock")
	s.invite()
	config := filepath.Join(s.Dir, "criu.conf")
	s.write(config, "file-locks\n")
	s.Configure(bundle.Shell("exec guest lock /tmp/lock"), func(c *specs.Spec) {
		c.Annotations = map[string]string{"org.criu.config": config}
	})
	s.start()
	s.checkpoint("--leave-running").OK()
	s.write(config, "no-such-option\n")
	s.checkpoint("--leave-running").Fails("criu dump failed")
}

// A restore that is killed on the way leaves a container that can be deleted, with
// all that CRIU has made of it.
func TestKilledRestore(t *testing.T) {
	s := newSubject(t, counter)
	s.start()
	s.checkpoint().OK()
	reached := filepath.Join(s.Dir, "reached")
	s.Configure(bundle.Shell(counter), func(c *specs.Spec) {
		c.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/sh",
			Args: []string{"sh", "-c", "cd /; exec >/dev/null 2>&1; touch " + reached + "; sleep 2; touch " + reached +
				".end"}, Env: []string{"PATH=/bin:/usr/bin"}}}}
	})
	cmd := s.Command("restore", "--detach", "--bundle", s.Bundle, "--image-path", s.images, s.ID)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	bundle.Eventually(t, "hook that runs during the restore", func() bool {
		_, err := os.Stat(reached)
		return err == nil
	})
	if status := s.State().Status; status != specs.StateCreating {
		t.Errorf("status %s while it is being restored", status)
	}
	cmd.Process.Kill()
	cmd.Wait()
	s.Delete("--force").OK()
	s.gone()
	s.Configure(bundle.Shell(counter))
	s.restore().OK() // and that was no obstacle
	s.counts(s.count())
	bundle.Eventually(t, "end of the hook, which nobody waits for", func() bool {
		_, err := os.Stat(reached + ".end")
		return err == nil
	})
}

// delete --force does not wait for a restore that hangs.
func TestDeleteDuringRestore(t *testing.T) {
	s := newSubject(t, counter)
	s.start()
	s.checkpoint().OK()
	s.Configure(bundle.Shell(counter), func(c *specs.Spec) {
		c.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/sh",
			Args: []string{"sh", "-c", "exec >/dev/null 2>&1; touch " + s.Dir + "/reached; sleep 2"},
			Env:  []string{"PATH=/bin:/usr/bin"}}}}
	})
	cmd := s.Command("restore", "--detach", "--bundle", s.Bundle, "--image-path", s.images, s.ID)
	var told strings.Builder
	cmd.Stderr = &told
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	bundle.Eventually(t, "hook that runs during the restore", func() bool {
		_, err := os.Stat(s.Dir + "/reached")
		return err == nil
	})
	begin := time.Now()
	s.Delete("--force").OK()
	if took := time.Since(begin); took > 15*time.Second {
		t.Errorf("delete --force took %v", took)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("restore succeeded although the container was deleted")
	}
	s.gone()
}

// A signal ends a restore in the foreground, with what CRIU has made so far.
func TestInterruptedRestore(t *testing.T) {
	s := newSubject(t, counter)
	s.start()
	s.checkpoint().OK()
	reached := filepath.Join(s.Dir, "reached")
	s.Configure(bundle.Shell(counter), func(c *specs.Spec) {
		c.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/sh",
			Args: []string{"sh", "-c", "cd /; exec >/dev/null 2>&1; touch " + reached + "; while :; do sleep 1; done"},
			Env:  []string{"PATH=/bin:/usr/bin"}}}}
	})
	cmd := s.Command("restore", "--bundle", s.Bundle, "--image-path", s.images, s.ID)
	var told strings.Builder
	cmd.Stderr = &told
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	overdue := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer overdue.Stop()
	bundle.Eventually(t, "hook that runs during the restore", func() bool {
		_, err := os.Stat(reached)
		return err == nil
	})
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 128+int(syscall.SIGTERM) ||
		!strings.Contains(told.String(), "interrupted by SIGTERM") {
		t.Errorf("%v, want exit status %d\n%s", cmd.ProcessState, 128+int(syscall.SIGTERM), told.String())
	}
	s.gone()
}

// stalledServer is a page server that takes a connection and says nothing, so that
// a checkpoint does not end until release.
func stalledServer(t *testing.T) (address string, release func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			accepted <- conn
		}
		close(accepted)
	}()
	release = sync.OnceFunc(func() {
		l.Close()
		if conn := <-accepted; conn != nil {
			conn.Close()
		}
	})
	t.Cleanup(release)
	return l.Addr().String(), release
}

// A signal waits for CRIU, which does not get it from the terminal either; another
// one leaves CRIU alone with the container, which is locked and runs on then.
func TestInterruptedCheckpoint(t *testing.T) {
	s := newSubject(t, counter)
	s.start()
	for _, signals := range [][]syscall.Signal{{syscall.SIGINT}, {syscall.SIGTERM, syscall.SIGTERM},
		{syscall.SIGKILL}} {
		address, release := stalledServer(t)
		cmd := s.checkpointing("--page-server", address)
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for _, signal := range signals {
			time.Sleep(300 * time.Millisecond) // and that it goes on waiting
			if err := syscall.Kill(-cmd.Process.Pid, signal); err != nil {
				t.Fatalf("%v: %v", signals, err)
			}
		}
		if len(signals) == 1 && signals[0] == syscall.SIGINT {
			time.Sleep(300 * time.Millisecond)
			if !s.locked() || len(ended) > 0 {
				t.Errorf("%v: it does not wait for CRIU", signals)
			}
			release()
			<-ended
			told := s.read(filepath.Join(s.Dir, "errors"))
			if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(told, "SIGINT: waiting until criu") ||
				!strings.Contains(told, "criu dump failed") {
				t.Errorf("%v: %v: %s", signals, cmd.ProcessState, told)
			}
		} else {
			<-ended
			if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || !s.locked() {
				t.Errorf("%v: %v, locked: %t", signals, cmd.ProcessState, s.locked())
			}
			release()
		}
		bundle.Eventually(t, "end of CRIU", func() bool { return !s.locked() })
		s.counts(s.count())
	}
}

// CRIU ends what it has begun, whenever checkpoint is killed.
func TestKilledCheckpoint(t *testing.T) {
	s := newSubject(t, counter)
	s.start()
	begin := time.Now()
	s.checkpoint("--leave-running").OK()
	whole := time.Since(begin)
	for range 10 {
		cmd := s.Command("checkpoint", "--leave-running", "--image-path", s.images, s.ID)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		moment := rand.N(whole)
		time.Sleep(moment)
		cmd.Process.Kill()
		cmd.Wait()
		bundle.Eventually(t, "end of CRIU", func() bool { return !s.locked() })
		if status := s.State().Status; status != specs.StateRunning {
			t.Fatalf("killed after %v of %v: status %s", moment, whole, status)
		}
		s.counts(s.count())
	}
	cmd := s.checkpointing()
	cmd.Process.Kill()
	cmd.Wait()
	s.Delete().OK() // of what is saved
	n := s.count()
	s.restore().OK()
	s.counts(n)
}

// delete --force does not wait for a CRIU that hangs, with the lock, when whoever has
// started it is gone, or waits for it, too.
func TestDeleteDuringCheckpoint(t *testing.T) {
	for name, killed := range map[string]bool{"alone": true, "waited for": false} {
		t.Run(name, func(t *testing.T) {
			s := newSubject(t, counter)
			s.start()
			address, _ := stalledServer(t)
			cmd := s.checkpointing("--page-server", address)
			threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", cmd.Process.Pid))
			saver, err := strconv.Atoi(strings.TrimSpace(host(t, "cat", threads...)))
			if err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(saver, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			if killed {
				cmd.Process.Kill()
				cmd.Wait()
			}
			if !s.locked() {
				t.Error("CRIU does not hang")
			}
			begin := time.Now()
			s.Delete("--force").OK()
			if took := time.Since(begin); took > 15*time.Second {
				t.Errorf("delete --force took %v", took)
			}
			if !killed {
				cmd.Wait()
			}
			s.gone()
		})
	}
}
