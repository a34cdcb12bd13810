package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/nsenter"
)

// whole is a machine on which everything works.
func whole() *Machine {
	fine := func(string) error { return nil }
	m := &Machine{
		Root: fstest.MapFS{}, Release: "6.18.0-1-amd64", StateDir: "/run/rung",
		Bounding: 1<<41 - 1, LastCap: 40,
		Try: func(*nsenter.Program) error { return nil }, Memfd: func() error { return nil }, IDMap: fine,
		Writable: fine,
		Landlock: func() (int, error) { return 7, nil },
		Noexec:   func(string) bool { return false },
		FileCaps: func(string) bool { return false },
		Command: func(_ string, args ...string) (string, error) {
			if args[0] == "--version" {
				return "Version: 4.1\nGitID: v4.1", nil
			}
			return "Looks good.", nil
		},
	}
	for path, text := range map[string]string{
		"sys/module/apparmor/parameters/enabled": "Y\n",
		"sys/fs/selinux/enforce":                 "1",
		"proc/sys/kernel/seccomp/actions_avail":  "kill_process kill_thread trap errno user_notif trace log allow\n",
		"proc/sys/user/max_user_namespaces":      "9999\n",
		"etc/subuid":                             "alice:100000:65536\n",
		"etc/subgid":                             "alice:100000:65536\n",
		"etc/passwd":                             "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n",
		"proc/cgroups": "#subsys_name\thierarchy\tnum_cgroups\tenabled\n" +
			"memory\t0\t1\t0\npids\t3\t1\t1\n",
		"run/lock": "",
	} {
		m.write(path, text)
	}
	for _, ns := range []string{"mnt", "pid", "net", "ipc", "uts", "user", "cgroup", "time"} {
		m.write("proc/self/ns/"+ns, "")
	}
	for _, name := range []string{"newuidmap", "newgidmap"} {
		m.Root.(fstest.MapFS)["usr/bin/"+name] = &fstest.MapFile{Mode: 0o755 | fs.ModeSetuid}
	}
	for _, c := range usualControllers {
		m.Hierarchies = append(m.Hierarchies, cgroups.Hierarchy{Name: c, Controllers: []string{c},
			Mountpoint: "/sys/fs/cgroup/" + c, Root: "/", Own: "/user"})
	}
	return m
}

func (m *Machine) write(path, text string) {
	m.Root.(fstest.MapFS)[path] = &fstest.MapFile{Data: []byte(text)}
}

func (m *Machine) remove(path string) { delete(m.Root.(fstest.MapFS), path) }

// refuse makes a kernel that refuses a system call, with this first argument
// unless it is -1.
func refuse(nr uintptr, first int, errno unix.Errno) func(*nsenter.Program) error {
	return func(p *nsenter.Program) error {
		memory, err := nsenter.Assemble(p, map[string]int{birth.FileReport: 3})
		if err != nil {
			return err
		}
		in := nsenter.Interpreter{Syscall: func(n uintptr, args [6]uint64) (uint64, unix.Errno) {
			if n == nr && (first < 0 || args[0] == uint64(first)) {
				return 0, errno
			}
			return 0, 0
		}}
		report, err := in.Run(memory)
		return errors.Join(err, p.Failure(report))
	}
}

func TestWholeMachine(t *testing.T) {
	findings := whole().Check()
	for _, f := range findings {
		if f.Status != OK || f.Advice != "" || f.Found == "" || f.Subject == "" {
			t.Errorf("%+v", f)
		}
	}
	if !CanRun(findings) || len(findings) < 30 {
		t.Errorf("%d findings, and containers can run: %v", len(findings), CanRun(findings))
	}
}

// changed is a machine that is not as it should be, and what is found of it.
type changed struct {
	name   string
	change func(*Machine)
	want   []string // "subject/name status: part of what was found: part of the advice"
}

func TestCallerFindings(t *testing.T) {
	testFindings(t, []changed{
		{"old kernel", func(m *Machine) { m.Release = "5.13.19" }, []string{"kernel/version fail: 5.13.19: upgrade"}},
		{"just new enough", func(m *Machine) { m.Release = "5.14" }, nil},
		{"strange kernel", func(m *Machine) { m.Release = "gnu" }, []string{"kernel/version no: gnu: 5.14"}},
		{"user", func(m *Machine) { m.UID = 1000 }, []string{"caller/user fail: uid 1000: as root"}},
		{"root of a user namespace", func(m *Machine) { m.UserNS = true },
			[]string{"caller/user fail: uid 0 of a user namespace: as root"}},
		{"user without ids", func(m *Machine) { m.UID = 1001 }, []string{"caller/user fail: uid 1001: as root",
			"rootless//etc/subuid no: no range for 1001: usermod",
			"rootless//etc/subgid no: no range for 1001: usermod"}},
		{"no CAP_SYS_RESOURCE", func(m *Machine) { m.Bounding &^= 1 << unix.CAP_SYS_RESOURCE },
			[]string{"caller/capabilities no: CAP_SYS_RESOURCE: process.rlimits"}},
		{"no CAP_SYS_ADMIN", func(m *Machine) { m.Bounding &^= 1 << unix.CAP_SYS_ADMIN },
			[]string{"caller/capabilities fail: CAP_SYS_ADMIN: privileged"}},
		{"no CAP_MKNOD", func(m *Machine) { m.Bounding &^= 1 << unix.CAP_MKNOD },
			[]string{"caller/capabilities fail: CAP_MKNOD: devices"}},
		{"no CAP_SETGID", func(m *Machine) { m.Bounding &^= 1<<unix.CAP_SETGID | 1<<unix.CAP_SYS_RESOURCE },
			[]string{"caller/capabilities fail: CAP_SETGID: group"}},
	})
}

func TestNamespaceFindings(t *testing.T) {
	testFindings(t, []changed{
		{"kernel without time namespaces", func(m *Machine) { m.remove("proc/self/ns/time") },
			[]string{"namespaces/time no: has none: CONFIG_TIME_NS"}},
		{"no network namespaces", func(m *Machine) { m.Try = refuse(unix.SYS_UNSHARE, unix.CLONE_NEWNET, unix.ENOSPC) },
			[]string{"namespaces/network fail: no space left: user.max_net_namespaces"}},
		{"no user namespaces", func(m *Machine) {
			m.Try = refuse(unix.SYS_UNSHARE, unix.CLONE_NEWUSER, unix.EPERM)
			m.write("proc/sys/kernel/unprivileged_userns_clone", "0\n")
		}, []string{"namespaces/user no: not permitted: rootless below",
			"rootless/kernel.unprivileged_userns_clone no: 0: sysctl -w kernel.unprivileged_userns_clone=1"}},
		{"seccomp filter around rung",
			func(m *Machine) { m.Try = refuse(unix.SYS_UNSHARE, unix.CLONE_NEWPID, unix.EPERM) },
			[]string{"namespaces/pid fail: not permitted: CAP_SYS_ADMIN"}},
	})
}

func TestCgroupFindings(t *testing.T) {
	var outside []string
	for _, h := range whole().Hierarchies {
		outside = append(outside, "cgroups/"+h.Name+" no: outside of what is mounted: absolute linux.cgroupsPath")
	}
	testFindings(t, []changed{
		{"no cgroups", func(m *Machine) { m.Hierarchies = nil },
			[]string{"cgroups/version fail: none is mounted: mount"}},
		{"cgroup v2", func(m *Machine) { m.Hierarchies = cgroups.Hierarchies{{Unified: true, Own: "/"}} }, nil},
		{"controllers are missing", func(m *Machine) {
			var kept cgroups.Hierarchies
			for _, h := range m.Hierarchies {
				if h.Name != "memory" && h.Name != "pids" && h.Name != "blkio" {
					kept = append(kept, h)
				}
			}
			m.Hierarchies = kept
		}, []string{"cgroups/memory no: switched off: cgroup_enable=memory",
			"cgroups/pids no: not mounted: mount -t cgroup -o pids none",
			"cgroups/blkio no: kernel has none: use a kernel"}},
		{"cgroups read-only", func(m *Machine) {
			m.Writable = func(dir string) error {
				if dir == "/sys/fs/cgroup/cpu/user" {
					return unix.EROFS
				}
				return nil
			}
		}, []string{"cgroups/cpu fail: /sys/fs/cgroup/cpu/user: privileged"}},
		{"cgroup out of sight", func(m *Machine) { m.Hierarchies[0].Own = "" },
			[]string{"cgroups/cpu no: outside: absolute linux.cgroupsPath"}},
		{"no cgroups of one's own", func(m *Machine) {
			m.Hierarchies = slices.Clone(m.Hierarchies)
			for i := range m.Hierarchies {
				m.Hierarchies[i].Own = ""
			}
		}, append(outside, "cgroups/delegation no: 0 of 8 hierarchies: see")},
	})
}

func TestMountAndImageFindings(t *testing.T) {
	testFindings(t, []changed{
		{"no mount_setattr", func(m *Machine) { m.Try = refuse(unix.SYS_MOUNT_SETATTR, -1, unix.ENOSYS) },
			[]string{"mounts/mount API fail: mount_setattr: the call named here"}},
		{"no mapped ids", func(m *Machine) { m.IDMap = func(string) error { return unix.EINVAL } },
			[]string{"mounts/id-mapped mounts no: the filesystem of /run: ext4"}},
		{"no mapped ids for users", func(m *Machine) { m.IDMap = func(string) error { return unix.EPERM } },
			[]string{"mounts/id-mapped mounts no: not permitted: CAP_SYS_ADMIN"}},
		{"memory is not executed", func(m *Machine) {
			m.Memfd = func() error { return unix.EACCES }
			m.write("proc/sys/vm/memfd_noexec", "2\n")
		}, []string{"images/memfd no: vm.memfd_noexec=2: rung takes a file"}},
		{"state on noexec", func(m *Machine) { m.Noexec = func(string) bool { return true } }, nil},
		{"state is read-only", func(m *Machine) {
			m.Writable = func(dir string) error {
				if dir == "/run" {
					return unix.EROFS
				}
				return nil
			}
		}, []string{"state/directory fail: to be made in /run: --root"}},
	})
}

func TestSecurityFindings(t *testing.T) {
	testFindings(t, []changed{
		{"no pidfds", func(m *Machine) { m.Try = refuse(unix.SYS_PIDFD_OPEN, -1, unix.ENOSYS) },
			[]string{"processes/pidfd fail: pidfd_open: seccomp filter"}},
		{"no seccomp", func(m *Machine) { m.Try = refuse(unix.SYS_SECCOMP, -1, unix.ENOSYS) },
			[]string{"seccomp/filters no: seccomp: CONFIG_SECCOMP_FILTER"}},
		{"an old seccomp", func(m *Machine) {
			m.write("proc/sys/kernel/seccomp/actions_avail", "kill_process kill_thread trap errno trace log allow")
		}, []string{"seccomp/user_notif no: no such action: newer kernel"}},
		{"no security modules", func(m *Machine) {
			m.remove("sys/module/apparmor/parameters/enabled")
			m.remove("sys/fs/selinux/enforce")
			m.Landlock = func() (int, error) { return 0, unix.EOPNOTSUPP }
		}, []string{"security modules/AppArmor no: not enabled: apparmor=1",
			"security modules/SELinux no: not enabled: selinux=1",
			"security modules/Landlock no: not supported: lsm=landlock"}},
		{"no keyrings", func(m *Machine) { m.Try = refuse(unix.SYS_KEYCTL, -1, unix.ENOSYS) },
			[]string{"keyrings/session keyrings no: keyctl: CONFIG_KEYS"}},
	})
}

func TestRootlessFindings(t *testing.T) {
	testFindings(t, []changed{
		{"no newuidmap", func(m *Machine) { m.remove("usr/bin/newuidmap") },
			[]string{"rootless/newuidmap no: not installed: uidmap"}},
		{"newgidmap without rights", func(m *Machine) { m.Root.(fstest.MapFS)["usr/bin/newgidmap"].Mode = 0o755 },
			[]string{"rootless/newgidmap no: no rights: chmod u+s"}},
		{"newgidmap with capabilities", func(m *Machine) {
			m.Root.(fstest.MapFS)["usr/bin/newgidmap"].Mode = 0o755
			m.FileCaps = func(path string) bool { return path == "/usr/bin/newgidmap" }
		}, nil},
		{"no ranges", func(m *Machine) { m.write("etc/subuid", "") },
			[]string{"rootless//etc/subuid no: no ranges: --add-subuids"}},
		{"Ubuntu", func(m *Machine) { m.write("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") },
			[]string{"rootless/kernel.apparmor_restrict_unprivileged_userns no: 1: =0"}},
	})
}

func TestCRIUFindings(t *testing.T) {
	testFindings(t, []changed{
		{"no CRIU", func(m *Machine) {
			m.Command = func(string, ...string) (string, error) { return "", errors.New("not there") }
		}, []string{"checkpoint/CRIU no: not there: install"}},
		{"CRIU elsewhere", func(m *Machine) {
			m.CRIU = "/opt/criu"
			m.Command = func(name string, _ ...string) (string, error) {
				return "it is " + name, errors.New("exit status 1")
			}
		}, []string{"checkpoint/CRIU no: it is /opt/criu: cannot be started"}},
		{"CRIU cannot", func(m *Machine) {
			m.Command = func(_ string, args ...string) (string, error) {
				if args[0] == "check" {
					return "Warn\nError: no soft dirty", errors.New("exit status 1")
				}
				return "Version: 3.17.1", nil
			}
		}, []string{"checkpoint/CRIU no: 3.17.1: Error: no soft dirty: newer criu"}},
		{"CRIU does not start", func(m *Machine) {
			m.Command = func(string, ...string) (string, error) {
				return "criu: no libprotobuf-c.so.1", errors.New("exit status 127")
			}
		}, []string{"checkpoint/CRIU no: no libprotobuf-c: cannot be started"}},
	})
}

// Each thing that is not right is found, with what to do, and nothing else is.
func testFindings(t *testing.T, cases []changed) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := whole()
			c.change(m)
			var got []Finding
			canRun := true
			for _, f := range m.Check() {
				if f.Status != OK {
					got = append(got, f)
				}
				canRun = canRun && f.Status != Fail
			}
			if len(got) != len(c.want) || CanRun(m.Check()) != canRun {
				t.Fatalf("%+v, want %q", got, c.want)
			}
			for i, f := range got {
				head, rest, _ := strings.Cut(c.want[i], ": ")
				cut := strings.LastIndex(rest, ": ")
				if head != fmt.Sprintf("%s/%s %s", f.Subject, f.Name, f.Status) ||
					!strings.Contains(f.Found, rest[:cut]) || !strings.Contains(f.Advice, rest[cut+2:]) {
					t.Errorf("%+v, want %s", f, c.want[i])
				}
			}
		})
	}
}

// TestFailedFallback is a machine that executes neither memory nor files.
func TestFailedFallback(t *testing.T) {
	m := whole()
	m.Memfd = func() error { return unix.EACCES }
	m.Try = func(*nsenter.Program) error { return unix.EACCES }
	if f := m.images(); len(f) != 1 || f[0].Status != Fail || !strings.Contains(f[0].Advice, "--image-dir") {
		t.Errorf("%+v", f)
	}
}

// TestHere looks at this machine, as whoever runs the test. What it says about
// the kernel holds wherever Go programs of today run.
func TestHere(t *testing.T) {
	m, err := Here("/run/rung-that-is-not-there")
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Finding{}
	for _, f := range m.Check() {
		byName[f.Subject+"/"+f.Name] = f
		if (f.Status == OK) != (f.Advice == "") || f.Found == "" {
			t.Errorf("%+v", f)
		}
	}
	for _, name := range []string{"kernel/version", "processes/pidfd"} {
		if byName[name].Status != OK {
			t.Errorf("%s: %+v", name, byName[name])
		}
	}
	if root := byName["caller/user"].Status == OK; root != (os.Geteuid() == 0) {
		t.Errorf("%+v for uid %d", byName["caller/user"], os.Geteuid())
	}
	if _, err := os.Stat("/run/rung-that-is-not-there"); !os.IsNotExist(err) {
		t.Errorf("the state directory was made: %v", err)
	}
	if after, _ := os.ReadFile("/proc/self/mountinfo"); string(after) != string(mounts) {
		t.Error("the mounts have changed")
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(-1, &status, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a child was not waited for: %v", err)
	}
}

// TestReadme makes sure that the findings in the README are some that there are.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, f := range whole().Check() {
		known[f.Name] = true
	}
	lines := regexp.MustCompile(`(?m)^      (?:ok  |no  |FAIL)  (.{16})  `).FindAllSubmatch(readme, -1)
	if len(lines) < 5 {
		t.Errorf("%d findings in the README", len(lines))
	}
	for _, line := range lines {
		if name := strings.TrimSpace(string(line[1])); !known[name] {
			t.Errorf("nothing is called %q", name)
		}
	}
}
