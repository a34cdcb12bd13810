package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// hookKinds are the kinds of hooks, in the order in which they run.
var hookKinds = [...]string{"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}

// setHooks sets the hooks of a kind.
func setHooks(h *specs.Hooks, kind string, list []specs.Hook) {
	switch kind {
	case "prestart":
		//lint:ignore SA1019 prestart hooks are deprecated, not gone
		h.Prestart = list
	case "createRuntime":
		h.CreateRuntime = list
	case "createContainer":
		h.CreateContainer = list
	case "startContainer":
		h.StartContainer = list
	case "poststart":
		h.Poststart = list
	case "poststop":
		h.Poststop = list
	}
}

// shellHook is a hook that runs a script in a shell that the host and the
// image both have at that path.
func shellHook(script string) specs.Hook {
	return specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", script},
		Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOOK=yes"}}
}

// hooked configures one hook for each kind, with a script made from its name.
func hooked(script func(kind string) string) bundle.Change {
	return func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{}
		for _, kind := range hookKinds {
			setHooks(s.Hooks, kind, []specs.Hook{shellHook(script(kind))})
		}
	}
}

// A poststart hook may call the runtime for its container, and others may meanwhile.
func TestPoststartHookCallsRung(t *testing.T) {
	t.Parallel()
	for _, way := range [...]string{"start", "run"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t)
			call := func(args ...string) string { return strings.Join(c.Command(args...).Args, " ") }
			c.Configure(bundle.Args("sleep", "1000"), func(s *specs.Spec) {
				hook := shellHook(call("update", "--pids-limit", "77", c.ID) + " && " + call("pause",
					c.ID) + " && " + call("resume", c.ID))
				hook.Timeout = ptr(10)
				s.Hooks = &specs.Hooks{Poststart: []specs.Hook{hook}}
			})
			if way == "run" {
				c.Run("--detach").OK()
			} else {
				c.Create().OK()
				c.Start().OK()
			}
			c.WaitStatus(specs.StateRunning)
			if got := cgroupNumber(t, c, "pids.max", ""); got != 77 {
				t.Errorf("pids.max: %d, want 77", got)
			}
			c.Delete("--force").OK()
			c.LeavesNothing()
		})
	}
}

// Each kind runs once, at its moment: with the namespaces, the root and the
// state that the specification says.
func TestHooks(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	// what a hook leaves: in the host's directory, which the container has at the same path
	report := func(kind string) string {
		return fmt.Sprintf(`cat >%[1]s/%[2]s.state; {
			readlink /proc/self/ns/mnt; readlink /proc/self/ns/pid; readlink /proc/self/ns/net; echo $HOOK
			[ -e %[1]s/host ] && echo host; [ -e /etc/passwd ] && grep -c home/root /etc/passwd; } >%[1]s/%[2]s
			echo %[2]s >>%[1]s/order; sync`, dir, kind)
	}
	write(t, filepath.Join(dir, "host"), "")
	c := bundle.New(t, bundle.Shell("echo process >>"+dir+"/order; "+idle), hooked(report), func(s *specs.Spec) {
		s.Annotations = map[string]string{"key": "value"}
	}, bundle.Mount(specs.Mount{Destination: dir, Source: dir, Options: []string{"bind"}}))
	created := c.Create().OK()
	pid := c.State().Pid
	ns := func(pid string) string {
		return host(t, "readlink", "/proc/"+pid+"/ns/mnt", "/proc/"+pid+"/ns/pid", "/proc/"+pid+"/ns/net")
	}
	theirs, ours := ns(strconv.Itoa(pid)), ns("self")
	order := filepath.Join(dir, "order")
	if got := read(t, order); got != "prestart\ncreateRuntime\ncreateContainer" {
		t.Errorf("at create: %q", got)
	}
	c.Start().OK()
	waitReady(t, created)
	c.Kill("KILL").OK()
	c.WaitStatus(specs.StateStopped)
	if got := read(t, order); strings.Contains(got, "poststop") {
		t.Errorf("before delete: %q", got)
	}
	c.Delete().OK()
	got := strings.Split(read(t, order), "\n")
	// the process and the poststart hooks run at the same time
	if i := slices.Index(got, "process"); i != 4 && i != 5 {
		t.Errorf("the process is number %d of %q", i, got)
	}
	if got = slices.DeleteFunc(got, func(s string) bool { return s == "process" }); !slices.Equal(got, hookKinds[:]) {
		t.Errorf("order: %q, want %q", got, hookKinds)
	}
	for _, kind := range hookKinds {
		text := read(t, filepath.Join(dir, kind))
		want := map[bool]string{true: theirs, false: ours}[kind == "createContainer" || kind == "startContainer"]
		if !strings.HasPrefix(text, want+"\nyes\n") {
			t.Errorf("%s ran in %s, want %s", kind, text, want)
		}
		// createContainer's path is the host's, startContainer's the container's
		if ofImage := strings.HasSuffix(text, "\n1"); ofImage != (kind == "startContainer") {
			t.Errorf("%s sees the image's root: %v\n%s", kind, ofImage, text)
		}
		var state specs.State
		if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, kind+".state"))), &state); err != nil {
			t.Errorf("%s: state: %v", kind, err)
			continue
		}
		// created: runtime.md has it so after step 2 of the lifecycle, and hooks from step 3 on
		status, wantPid := specs.StateCreated, pid
		switch kind {
		case "poststart":
			status = specs.StateRunning
		case "poststop":
			status, wantPid = specs.StateStopped, 0
		}
		if state.ID != c.ID || state.Bundle != c.Bundle || state.Version == "" || state.Annotations["key"] != "value" ||
			state.Status != status || state.Pid != wantPid {
			t.Errorf("%s: state %+v, want status %s, pid %d", kind, state, status, wantPid)
		}
	}
}

// What a hook has whose configuration does not say: the environment of those on the host is the
// caller's, and each is where the files are that it is about. A startContainer hook is what the
// process will be.
func TestHookSurroundings(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	c := bundle.New(t, bundle.Args("sleep", "1000"), func(s *specs.Spec) {
		s.Process.User = specs.User{UID: 1000, GID: 1000, AdditionalGids: []uint32{7}}
		s.Process.Cwd = "/home"
		s.Process.Env = append(s.Process.Env, "OF=process")
		s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 33, Hard: 44}}
		s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"CAP_CHOWN", "CAP_KILL"},
			Permitted: []string{"CAP_KILL"}}
		s.Hooks = &specs.Hooks{}
		for _, kind := range hookKinds {
			report := "{ pwd -P; echo $OF; id -u; id -G; ulimit -n; grep CapBnd /proc/self/status; } >" + dir + "/" +
				kind
			setHooks(s.Hooks, kind, []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", report}}})
		}
	}, bundle.Mount(specs.Mount{Destination: dir, Source: dir, Options: []string{"bind"}}))
	call := func(args ...string) {
		cmd := c.Command(args...)
		cmd.Dir, cmd.Env = "/usr", append(os.Environ(), "OF="+args[0])
		c.Wait(cmd).OK()
	}
	call("create", "--bundle", c.Bundle, c.ID)
	call("start", c.ID)
	c.Kill("KILL").OK()
	c.WaitStatus(specs.StateStopped)
	call("delete", c.ID)
	for kind, want := range map[string]string{
		"prestart": c.Bundle + "\ncreate\n0\n", "createRuntime": c.Bundle + "\ncreate\n0\n",
		"createContainer": c.Bundle + "/rootfs\n\n0\n",
		"startContainer":  "/home\nprocess\n1000\n1000 7\n33\nCapBnd:\t0000000000000021",
		"poststart":       c.Bundle + "\nstart\n0\n", "poststop": c.Bundle + "\ndelete\n0\n",
	} {
		if got := read(t, filepath.Join(dir, kind)); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
	}
}

// A hook need not read its input.
func TestHookThatDoesNotRead(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, hooked(func(string) string { return "exec <&-; exit 0" }), func(s *specs.Spec) {
		s.Annotations = map[string]string{"large": strings.Repeat("x", 200000)}
	})
	c.Run().OK()
	c.LeavesNothing()
}

// A hook ends with the container, and the error says what became of that.
func TestFirstProcessEndsDuringHook(t *testing.T) {
	t.Parallel()
	for _, kind := range hookKinds[:2] {
		c := bundle.New(t, func(s *specs.Spec) {
			s.Hooks = &specs.Hooks{}
			kill := `kill -9 $(sed 's/.*"pid":\([0-9]*\).*/\1/'); exec sleep 1000`
			setHooks(s.Hooks, kind, []specs.Hook{shellHook(kill)})
		})
		c.Create().Fails("error running "+kind+" hook #0: /bin/sh: ", "the container's first process has ended",
			"the first process was ended by killed")
		c.LeavesNothing()
	}
}

func TestHookTimeout(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	c := bundle.New(t, func(s *specs.Spec) {
		h := shellHook("sleep 1001 & echo $! >" + dir + "/child; echo $$ >" + dir + "/hook; sleep 1002; exit 0")
		h.Timeout = ptr(1)
		s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{h}}
	})
	begin := time.Now()
	c.Create().Fails("createRuntime", "1s")
	if took := time.Since(begin); took < time.Second || took > 8*time.Second {
		t.Errorf("it took %v", took)
	}
	for _, name := range []string{"child", "hook"} {
		pid, err := strconv.Atoi(read(t, filepath.Join(dir, name)))
		if err != nil {
			t.Fatal(err)
		}
		bundle.Eventually(t, "end of the hook's "+name, func() bool {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err != nil || strings.Contains(string(stat), ") Z ") || syscall.Kill(pid, 0) != nil
		})
	}
	c.LeavesNothing()
}

// What follows when a hook fails.
func TestHookFailure(t *testing.T) {
	t.Parallel()
	for _, kind := range hookKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := newDir(t)
			c := bundle.New(t, bundle.Shell("echo ran >"+dir+"/process; exec sleep 1000"), func(s *specs.Spec) {
				s.Hooks = &specs.Hooks{}
				setHooks(s.Hooks, kind, []specs.Hook{
					shellHook("echo said by the hook; echo and on stderr >&2; exit 3"),
					shellHook("touch " + dir + "/second"),
				})
				if kind != "poststop" {
					s.Hooks.Poststop = []specs.Hook{shellHook("touch " + dir + "/poststop")}
				}
			}, bundle.Mount(specs.Mount{Destination: dir, Source: dir, Options: []string{"bind"}}))
			exists := func(name string) bool {
				_, err := os.Stat(filepath.Join(dir, name))
				return err == nil
			}
			log := filepath.Join(c.Dir, "log")
			do := func(args ...string) bundle.Result {
				return c.Do(append([]string{"--log", log, "--log-format", "json", "--log-level", "info"}, args...)...)
			}
			create := func() bundle.Result { return do("create", "--bundle", c.Bundle, c.ID) }
			switch kind {
			case "prestart", "createRuntime", "createContainer":
				create().Fails(kind, "exit status 3")
				c.LeavesNothing()
				if !exists("poststop") {
					t.Error("the poststop hooks did not run")
				}
			case "startContainer", "poststart":
				create().OK()
				do("start", c.ID).Fails("error running "+kind+" hook #0: ", "exit status 3")
				if kind == "startContainer" {
					c.WaitStatus(specs.StateStopped)
					if exists("process") {
						t.Error("the process was executed")
					}
					do("delete", c.ID).OK()
				}
				if !exists("poststop") {
					t.Error("the poststop hooks did not run")
				}
			case "poststop":
				create().OK()
				do("start", c.ID).OK()
				do("kill", c.ID, "KILL").OK()
				c.WaitStatus(specs.StateStopped)
				do("delete", c.ID).OK()
			}
			c.LeavesNothing()
			if exists("second") != (kind == "poststop") { // of which the rest runs
				t.Errorf("the second hook ran: %v", exists("second"))
			}
			text := read(t, log)
			for _, want := range []string{"said by the hook", "and on stderr", kind, "exit status 3"} {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in the log:\n%s", want, text)
				}
			}
			if kind == "poststop" && strings.Contains(text, `"level":"error"`) {
				t.Errorf("more than a warning:\n%s", text)
			}
		})
	}
}

func TestMissingHook(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"createRuntime", "createContainer", "startContainer"} {
		c := bundle.New(t, func(s *specs.Spec) {
			s.Hooks = &specs.Hooks{}
			setHooks(s.Hooks, kind, []specs.Hook{{Path: "/missing/hook"}})
		})
		log := filepath.Join(c.Dir, "log")
		c.Do("--log", log, "run", "--bundle", c.Bundle, c.ID).Fails("error running "+kind+" hook #0: /missing/hook: ",
			"no such file or directory")
		if text := read(t, log); strings.Contains(text, "the file is there") {
			t.Errorf("%s: %s", kind, text)
		}
		c.LeavesNothing()
	}
}

// With a user namespace the hooks that run inside have its ids.
func TestHooksOfAUserNamespace(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	c := bundle.New(t, userNamespace(100000), hooked(func(kind string) string {
		return fmt.Sprintf("id -u >%s/%s; head -1 /proc/self/uid_map | xargs >>%[1]s/%[2]s", dir, kind)
	}), bundle.Mount(specs.Mount{Destination: dir, Source: dir, Options: []string{"bind"}}))
	c.Run().OK()
	for _, kind := range hookKinds {
		want := "0\n0 0 4294967295"
		if kind == "createContainer" || kind == "startContainer" {
			want = "0\n0 100000 65536"
		}
		if got := read(t, filepath.Join(dir, kind)); got != want {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
	}
}
