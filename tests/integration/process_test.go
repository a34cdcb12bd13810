package integration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

func TestWorkingDirectory(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ cwd, want string }{
		{"/", "/"},
		{"/tmp", "/tmp"},
		{"/made/for/it", "/made/for/it"},
		{"/link", "/etc"},
		{"/link/../tmp", "/tmp"},
		{"/proc/1", "/proc/1"},
	} {
		t.Run(test.cwd, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, bundle.Shell("/bin/pwd; readlink /proc/self/cwd"), func(s *specs.Spec) {
				s.Process.Cwd = test.cwd
			})
			if err := os.Symlink("/etc", c.Path("link")); err != nil {
				t.Fatal(err)
			}
			c.Run().OK().Prints(test.want + "\n" + test.want)
		})
	}
}

// A working directory may be there for the user's group alone, and belong to nobody
// whom the user namespace knows: then its root may not enter it.
func TestWorkingDirectoryOfTheUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give files away")
	}
	user := func(cwd string) bundle.Change {
		return all(userNamespace(100000), func(s *specs.Spec) {
			s.Process.User, s.Process.Cwd = specs.User{UID: 500, GID: 500}, cwd
			s.Process.Capabilities = nil
		})
	}
	fill := func(c *bundle.Container) {
		for _, dir := range []string{"work", "work/below"} {
			if err := os.Mkdir(c.Path(dir), 0o770); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.Chown(c.Path(dir), 61234, 100500), os.Chmod(c.Path(dir), 0o770)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, cwd := range []string{"/work", "/work/below"} {
		c := bundle.New(t, bundle.Shell("/bin/pwd; id -u; "+idle), user(cwd))
		fill(c)
		start(t, c).Prints(cwd + "\n500\nready")
		c.Exec(nil, "sh", "-c", "/bin/pwd; id -u").OK().Prints(cwd + "\n500")
		c.Exec([]string{"--cwd", "/tmp", "--user", "501:501"}, "/bin/pwd").OK().Prints("/tmp")
		execFails(t, c.Exec([]string{"--user", "501:501"}, "/bin/pwd"), "entering the working directory "+cwd,
			"permission denied")
		other := bundle.New(t, user(cwd), func(s *specs.Spec) { s.Process.User = specs.User{UID: 501, GID: 501} })
		fill(other)
		other.Create().Fails("entering the working directory "+cwd, "permission denied")
		other.LeavesNothing()
	}
}

func TestUser(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		user specs.User
		want string
	}{
		{"root", specs.User{}, "0 0 0 0022 /home/root"},
		{"user", specs.User{UID: 1000, GID: 1000}, "1000 1000 1000 0022 /home"},
		{"groups", specs.User{UID: 7, GID: 8, AdditionalGids: []uint32{9, 10, 4000000000}},
			"7 8 8 9 10 4000000000 0022 /"},
		{"umask", specs.User{Umask: ptr(uint32(0o077))}, "0 0 0 0077 /home/root"},
		{"no umask", specs.User{Umask: ptr(uint32(0))}, "0 0 0 0000 /home/root"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := printed(t, "echo $(id -u) $(id -g) $(id -G) $(umask) $HOME", func(s *specs.Spec) {
				s.Process.User = test.user
			})
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	t.Run("HOME given", func(t *testing.T) {
		t.Parallel()
		if got := printed(t, "echo $HOME", bundle.Env("HOME=/elsewhere")); got != "/elsewhere" {
			t.Errorf("HOME is %q", got)
		}
	})
	t.Run("HOME empty", func(t *testing.T) {
		t.Parallel()
		const print = "env | grep ^HOME="
		c := bundle.New(t, bundle.Shell(print+"; "+idle), bundle.Env("HOME=/x", "HOME="))
		start(t, c).Prints("HOME=/home/root\nready")
		c.Exec(nil, "sh", "-c", print).OK().Prints("HOME=/home/root")
		c.Exec([]string{"-e", "HOME="}, "sh", "-c", print).OK().Prints("HOME=/home/root")
	})
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Args("/bin/env"), func(s *specs.Spec) {
		s.Process.Env = []string{"PATH=/bin", "EMPTY=", "A=b=c", "LINES=a\nb", "HOME=/h"}
	})
	cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
	cmd.Env = append(os.Environ(), "LEAKED=1")
	if got := c.Wait(cmd).OK().Stdout; got != "PATH=/bin\nEMPTY=\nA=b=c\nLINES=a\nb\nHOME=/h\n" {
		t.Errorf("got %q", got)
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	args := []string{"printf", "[%s]", "", "a b", "\n", "ä", "$HOME", strings.Repeat("x", 70000)}
	c := bundle.New(t, bundle.Args(args...))
	if got, want := c.Run().OK().Stdout, "["+strings.Join(args[2:], "][")+"]"; got != want {
		t.Errorf("got %d bytes, %.60q, want %d", len(got), got, len(want))
	}
}

// capSets are the five lines of /proc/self/status.
const capSets = "grep ^Cap /proc/self/status | cut -f2 | xargs"

func TestCapabilities(t *testing.T) {
	t.Parallel()
	const kill, netBind, netAdmin = 1 << 5, 1 << 10, 1 << 12
	sets := func(inheritable, permitted, effective, bounding, ambient uint64) string {
		return fmt.Sprintf("%016x %016x %016x %016x %016x", inheritable, permitted, effective, bounding, ambient)
	}
	tests := []struct {
		name string
		uid  uint32
		caps *specs.LinuxCapabilities
		want string
	}{
		{"none", 0, nil, sets(0, 0, 0, 0, 0)},
		{"of root", 0, &specs.LinuxCapabilities{
			Bounding: []string{"CAP_KILL", "CAP_NET_ADMIN"}, Permitted: []string{"CAP_KILL"},
			Effective: []string{"CAP_KILL"},
		}, sets(0, kill|netAdmin, kill|netAdmin, kill|netAdmin, 0)}, // execve gives root its bounding set
		{"of a user", 1000, &specs.LinuxCapabilities{
			Bounding: []string{"CAP_KILL", "CAP_NET_ADMIN"}, Permitted: []string{"CAP_KILL"},
			Effective: []string{"CAP_KILL"},
		}, sets(0, 0, 0, kill|netAdmin, 0)},
		{"inherited", 1000, &specs.LinuxCapabilities{
			Bounding: []string{"CAP_KILL"}, Permitted: []string{"CAP_KILL"}, Inheritable: []string{"CAP_KILL"},
		}, sets(kill, 0, 0, kill, 0)},
		{"ambient", 1000, &specs.LinuxCapabilities{
			Bounding: []string{"CAP_KILL", "CAP_NET_BIND_SERVICE"}, Permitted: []string{"CAP_KILL",
				"CAP_NET_BIND_SERVICE"},
			Inheritable: []string{"CAP_NET_BIND_SERVICE"}, Ambient: []string{"CAP_NET_BIND_SERVICE"},
		}, sets(netBind, netBind, netBind, kill|netBind, netBind)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := printed(t, capSets, func(s *specs.Spec) {
				s.Process.User.UID, s.Process.Capabilities, s.Process.NoNewPrivileges = test.uid, test.caps, false
			})
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestUnknownCapabilityIsAWarning(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, func(s *specs.Spec) {
		s.Process.Capabilities.Bounding = append(s.Process.Capabilities.Bounding, "CAP_UNKNOWN")
	})
	log := filepath.Join(c.Dir, "log")
	c.Do("--log", log, "--log-format", "json", "run", "--bundle", c.Bundle, c.ID).OK()
	found := slices.ContainsFunc(logLines(t, log), func(line map[string]string) bool {
		return line["level"] == "warning" && strings.Contains(line["msg"], "CAP_UNKNOWN") &&
			strings.Contains(line["msg"], "process.capabilities.bounding")
	})
	if !found {
		t.Errorf("no warning in the log:\n%s", read(t, log))
	}
}

func TestRlimits(t *testing.T) {
	t.Parallel()
	got := printed(t, `grep -E "open files|core file|stack size" /proc/self/limits | tr -s ' '`, func(s *specs.Spec) {
		s.Process.Rlimits = []specs.POSIXRlimit{
			{Type: "RLIMIT_NOFILE", Soft: 100, Hard: 200}, {Type: "RLIMIT_CORE", Soft: 1,
				Hard: 2}, {Type: "RLIMIT_STACK", Soft: 1 << 20, Hard: 1 << 21},
		}
	})
	want := "Max stack size 1048576 2097152 bytes \nMax core file size 1 2 bytes \nMax open files 100 200 files"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	twice := bundle.New(t, func(s *specs.Spec) {
		s.Process.Rlimits = append(s.Process.Rlimits, s.Process.Rlimits[0])
	})
	twice.Create().Fails("process.rlimits[1]", "RLIMIT_NOFILE")
}

// In a user namespace, too, a limit may be above the caller's, for which the root
// of the host needs CAP_SYS_RESOURCE. It may be below anyway.
func TestRlimitsInAUserNamespace(t *testing.T) {
	t.Parallel()
	const script = "ulimit -Sc; ulimit -Hc; ulimit -Sn; ulimit -Hn"
	limits := func(s *specs.Spec) {
		s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CORE", Soft: 150 << 9, Hard: 200 << 9},
			{Type: "RLIMIT_NOFILE", Soft: 3, Hard: 300}}
	}
	const want = "150\n200\n3\n300"
	c := bundle.New(t, userNamespace(100000), limits, bundle.Shell(script+"; "+idle))
	start(t, c).Prints(want + "\nready")
	c.Exec(nil, "sh", "-c", script).OK().Prints(want)
	limited := func(c *bundle.Container, args ...string) bundle.Result {
		cmd := c.Command(args...)
		cmd.Args = append([]string{"sh", "-c", `ulimit -c 0; exec "$0" "$@"`}, cmd.Args...)
		cmd.Path = "/bin/sh"
		return c.Wait(cmd)
	}
	other := bundle.New(t, userNamespace(100000), limits, bundle.Shell(script))
	executed, ran := limited(c, "exec", c.ID, "sh", "-c", script), limited(other, "run", "--bundle", other.Bundle,
		other.ID)
	if mayRaiseLimits(t) {
		executed.OK().Prints(want)
		ran.OK().Prints(want)
		return
	}
	const refused = "setting the limit RLIMIT_CORE: prlimit64: operation not permitted"
	execFails(t, executed, refused, "CAP_SYS_RESOURCE")
	ran.Fails(refused, "CAP_SYS_RESOURCE")
}

func mayRaiseLimits(t *testing.T) bool {
	t.Helper()
	_, effective, _ := strings.Cut(read(t, "/proc/self/status"), "CapEff:\t")
	set, err := strconv.ParseUint(effective[:16], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return set>>24&1 != 0 // CAP_SYS_RESOURCE
}

// TestFewOpenFiles: a limit that leaves no descriptor must not keep a created
// container from taking start's connection.
func TestFewOpenFiles(t *testing.T) {
	t.Parallel()
	for _, limit := range []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE"}, {Type: "RLIMIT_NOFILE", Soft: 3, Hard: 300}} {
		c := bundle.New(t, bundle.Shell("ulimit -Sn; ulimit -Hn"), func(s *specs.Spec) {
			s.Process.Rlimits = []specs.POSIXRlimit{limit}
		})
		created := c.Create().OK()
		c.Start().OK()
		c.WaitStatus(specs.StateStopped)
		if got, _ := created.Output(); got != fmt.Sprintf("%d\n%d\n", limit.Soft, limit.Hard) {
			t.Errorf("limits %d and %d are %q in the container", limit.Soft, limit.Hard, got)
		}
		c = running(t, idle, func(s *specs.Spec) { s.Process.Rlimits = []specs.POSIXRlimit{limit} })
		got := c.Exec(nil, "sh", "-c", "ulimit -Sn; ulimit -Hn").OK().Stdout
		if got != fmt.Sprintf("%d\n%d\n", limit.Soft, limit.Hard) {
			t.Errorf("limits %d and %d are %q in a further process", limit.Soft, limit.Hard, got)
		}
	}
}

func TestProcessAttributes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, script, want string
		change             bundle.Change
	}{
		{"oomScoreAdj", "cat /proc/self/oom_score_adj", "345", func(s *specs.Spec) {
			s.Process.OOMScoreAdj = ptr(345)
		}},
		{"noNewPrivileges", "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1", func(s *specs.Spec) {
			s.Process.NoNewPrivileges = true
		}},
		{"no noNewPrivileges", "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t0", func(s *specs.Spec) {
			s.Process.NoNewPrivileges = false
		}},
		{"nice", "cut -d' ' -f19,41 /proc/1/stat", "7 0", func(s *specs.Spec) {
			s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedOther, Nice: 7}
		}},
		{"batch", "cut -d' ' -f19,41 /proc/1/stat", "3 3", func(s *specs.Spec) {
			s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedBatch, Nice: 3}
		}},
		{"idle", "cut -d' ' -f41 /proc/1/stat", "5", func(s *specs.Spec) {
			s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedIdle}
		}},
		{"ioPriority", "ionice -p 1", "best-effort: prio 6", func(s *specs.Spec) {
			s.Process.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_BE, Priority: 6}
		}},
		{"ioPriority idle", "ionice -p 1 | cut -d: -f1", "idle", func(s *specs.Spec) {
			s.Process.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_IDLE}
		}},
		{"personality", "uname -m; cat /proc/self/personality", "", func(s *specs.Spec) {
			s.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux32}
			s.Linux.MaskedPaths = nil
		}},
		{"seccomp", "grep ^Seccomp: /proc/self/status; mkdir /tmp/x 2>&1",
			"Seccomp:\t2\nmkdir: can't create directory '/tmp/x': Invalid cross-device link", func(s *specs.Spec) {
				s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{
					{Names: []string{"mkdir", "mkdirat"}, Action: specs.ActErrno, ErrnoRet: ptr(uint(18))},
				}}
				s.Linux.Seccomp.ListenerPath = "/run/listener" // that nothing notifies
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, bundle.Shell(test.script+"; exit 0"), test.change)
			got := strings.TrimSpace(c.Run().OK().Stdout)
			if test.name == "personality" {
				if !strings.HasSuffix(got, "\n00000008") || strings.HasPrefix(got, "x86_64") ||
					strings.HasPrefix(got, "aarch64") {
					t.Errorf("got %q", got)
				}
				return
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Without no_new_privs the filter needs a capability to be loaded, which the
// process must not keep.
func TestSeccompLeavesNoCapability(t *testing.T) {
	t.Parallel()
	got := printed(t, capSets+"; grep ^Seccomp: /proc/self/status", func(s *specs.Spec) {
		s.Process.NoNewPrivileges, s.Process.Capabilities, s.Process.User.UID = false, nil, 1000
		s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{
			{Names: []string{"reboot"}, Action: specs.ActErrno},
		}}
	})
	if want := strings.TrimSuffix(strings.Repeat("0000000000000000 ", 5), " ") + "\nSeccomp:\t2"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The scheduling policies that a user may not take: an error that names the property.
func TestRealtimePolicy(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("cut -d' ' -f40,41 /proc/1/stat"), func(s *specs.Spec) {
		s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedFIFO, Priority: 10}
	})
	r := c.Run()
	if r.Code != 0 { // the kernel has a budget for each cgroup, and this one's may be none
		r.Fails("process.scheduler", "sched_setattr")
		return
	}
	r.Prints("10 1")
}
