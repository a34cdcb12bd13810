package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// execFailure is exec's exit status when the process could not be executed.
const execFailure = 255

// execFails requires that exec failed, with these parts of the message.
func execFails(t *testing.T, r bundle.Result, parts ...string) {
	t.Helper()
	r.FailsWith(execFailure, append([]string{"exec failed: "}, parts...)...)
}

// processFile writes a process object.
func processFile(t *testing.T, c *bundle.Container, change func(*specs.Process)) string {
	t.Helper()
	p := &specs.Process{Args: []string{"true"}, Cwd: "/", Env: []string{"PATH=/bin"}}
	change(p)
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(c.Dir, "process.json")
	write(t, file, string(text))
	return file
}

func execScript(script string) func(*specs.Process) {
	return func(p *specs.Process) { p.Args = []string{"sh", "-c", script} }
}

func TestExecExitStatus(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	for _, want := range []int{0, 1, 7, 126, 127, 254, 255} {
		c.Exec(nil, "sh", "-c", "exit "+strconv.Itoa(want)).Exits(want)
	}
	c.Exec(nil, "sh", "-c", "kill -KILL $$").Exits(128 + 9)
	c.Exec(nil, "sh", "-c", "kill -34 $$").Exits(128 + 34)
}

// The words by which docker and podman know 126 from 127, and create's reasons.
func TestExecOfWhatCannotBeExecuted(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	makePrograms(t, c.Path("programs"))
	write(t, c.Path("tmp/plain"), "x")
	if err := os.Chmod(c.Path("tmp/plain"), 0o644); err != nil {
		t.Fatal(err)
	}
	write(t, c.Path("tmp/windows"), "#!/bin/sh\r\ntrue\n")
	const start = "unable to start container process: "
	for _, tt := range []struct {
		args  string
		parts []string
	}{
		{"missing", []string{start + `exec: \"missing\": executable file not found in $PATH`}},
		{"/bin/missing", []string{start + `exec: \"/bin/missing\": stat /bin/missing: no such file or directory`}},
		{"/etc", []string{start + `exec: \"/etc\": permission denied: is a directory`}},
		{"/etc/passwd/x", []string{"not a directory"}},
		{"/tmp/plain", []string{start + `exec: \"/tmp/plain\": permission denied`}},
		{"/tmp/windows", []string{"interpreter", "CR LF"}},
	} {
		execFails(t, c.Exec(nil, strings.Fields(tt.args)...), tt.parts...)
	}
	execFails(t, c.Exec([]string{"--cwd", "/missing"}, "true"), "entering the working directory /missing",
		"no such file or directory")
	execFails(t, c.Exec([]string{"--cwd", "/etc/passwd"}, "true"), "not a directory")
	execFails(t, c.Exec([]string{"--cwd", "relative"}, "true"), "cwd", "not an absolute path")
	execFails(t, c.Exec(nil), "process args cannot be empty")
	execFails(t, c.Exec(nil, ""), `exec: \"\": `)
	if status := c.State().Status; status != specs.StateRunning {
		t.Errorf("the container is %s", status)
	}
}

func TestExecFlags(t *testing.T) {
	t.Parallel()
	c := running(t, idle, bundle.Env("A=1", "B=2"), func(s *specs.Spec) {
		s.Process.User = specs.User{UID: 7, GID: 8, AdditionalGids: []uint32{9}, Umask: ptr(uint32(0o27))}
		s.Process.Cwd = "/tmp"
	})
	for _, tt := range []struct{ flags, script, want string }{
		{"", "id -u; id -g; id -G; umask; pwd", "7\n8\n8 9\n0027\n/tmp"},
		{"-u 1000", "id -u; id -g; echo $HOME", "1000\n8\n/home"},
		{"--user=0:5", "id -u; id -G; echo $HOME", "0\n5 9\n/home/root"},
		{"--additional-gids 3 --additional-gids=4", "id -G", "8 3 4 9"},
		{"-user 4294967294:4294967294", "id -u; id -g", "4294967294\n4294967294"},
		{"-e A=3 -e C=a,b=c -e=B= -e A=4", `echo $A; echo "$B"; echo $C; env | grep -c ^A=`, "4\n\na,b=c\n1"},
		{"-e HOME=/x", "echo $HOME", "/x"},
		{"--cwd /etc", "pwd; cat passwd | wc -l", "/etc\n3"},
		{"--no-new-privs", "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1"},
		{"--no-new-privs=false", "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t0"},
	} {
		c.Exec(strings.Fields(tt.flags), "sh", "-c", tt.script).OK().Prints(tt.want)
	}
	for flags, part := range map[string]string{
		"-u root": `--user`, "-u 1:": "--user", "-u 4294967295": "not a numeric ID", "-g -1": "--additional-gids",
		"-e NOVALUE": "NOVALUE", "--preserve-fds 1": "preserved-fd", "--preserve-fds -1": "--preserve-fds",
	} {
		execFails(t, c.Exec(strings.Fields(flags), "true"), part)
	}
}

const capabilitySets = "grep ^Cap /proc/self/status | cut -f2 | sed 's/^0*//' | tr '\\n' ' '"

func TestExecCapabilities(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	// CAP_KILL, CAP_NET_BIND_SERVICE, CAP_AUDIT_WRITE; inheritable and ambient
	// are empty (CVE-2022-29162)
	c.Exec(nil, "sh", "-c", capabilitySets).OK().Prints(" 20000420 20000420 20000420")
	c.Exec([]string{"--cap", "CAP_NET_RAW", "--cap=CAP_CHOWN"}, "sh", "-c",
		capabilitySets).OK().Prints(" 20002421 20002421 20002421")
	c.Exec([]string{"-u", "1000", "-c", "CAP_NET_RAW"}, "sh", "-c", capabilitySets).OK().Prints("  20002420")
	r := c.Exec([]string{"-c", "CAP_NONE"}, "true").OK()
	if !strings.Contains(r.Stderr, "CAP_NONE") {
		t.Errorf("no warning of an unknown capability: %s", r.Stderr)
	}
	// a container that asks for inheritable ones has them
	asked := running(t, idle, func(s *specs.Spec) {
		s.Process.Capabilities.Inheritable, s.Process.Capabilities.Ambient = []string{"CAP_KILL"}, []string{"CAP_KILL"}
	})
	asked.Exec([]string{"-u", "1000"}, "sh", "-c", capabilitySets).OK().Prints("20 20 20 20000420 20")
	asked = running(t, idle, func(s *specs.Spec) { s.Process.Capabilities.Inheritable = []string{"CAP_KILL"} })
	asked.Exec([]string{"-u", "1000", "-c", "CAP_KILL", "-c", "CAP_CHOWN"}, "sh", "-c", capabilitySets).OK().
		Prints("20 20 20 20000421 20")
}

// A process file is the process; what it leaves out of the restrictions is the
// container's, and flags about the process are ignored.
func TestExecProcessFile(t *testing.T) {
	t.Parallel()
	const script = "id -u; id -g; pwd; echo $A; umask; grep 'open files' /proc/self/limits | tr -s ' '; cat " +
		"/proc/self/oom_score_adj; grep NoNew /proc/self/status"
	c := running(t, idle, bundle.Env("A=1"), func(s *specs.Spec) {
		s.Process.User = specs.User{UID: 7, GID: 8, Umask: ptr(uint32(0o27))}
		s.Process.OOMScoreAdj = ptr(300)
		s.Process.Cwd = "/tmp"
	})
	file := processFile(t, c, execScript(script))
	c.Exec([]string{"--process",
		file}).OK().Prints("0\n0\n/\n\n0027\nMax open files 1024 1024 files \n300\nNoNewPrivs:\t0")
	c.Exec([]string{"-p", file, "-u", "5", "--cwd", "/etc", "-e", "A=2", "--tty"}, "ignored").OK().
		Prints("0\n0\n/\n\n0027\nMax open files 1024 1024 files \n300\nNoNewPrivs:\t0")
	file = processFile(t, c, func(p *specs.Process) {
		execScript(script + "; " + capabilitySets)(p)
		p.User = specs.User{UID: 0, GID: 6, Umask: ptr(uint32(0o77))}
		p.Env, p.Cwd, p.NoNewPrivileges = []string{"PATH=/bin", "A=3"}, "/etc", true
		p.OOMScoreAdj = ptr(400)
		p.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 50, Hard: 60}}
		p.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"CAP_KILL"}}
	})
	c.Exec([]string{"--process=" +
		file}).OK().Prints("0\n6\n/etc\n3\n0077\nMax open files 50 60 files \n400\nNoNewPrivs:\t1\n   20")
	for text, parts := range map[string][]string{
		"":                                   {"process.json"},
		"{":                                  {"process.json", "line 1"},
		`{"args":["a"]}`:                     {"process.json", "cwd"},
		`{"args":[],"cwd":"/"}`:              {"args", "empty"},
		`{"args":["a"],"cwd":"/","env":"x"}`: {"env"},
		`{"args":["a"],"cwd":"/","user":{"uid":4294967295}}`:  {"user.uid"},
		`{"args":["a"],"cwd":"/","user":{"uid":-1}}`:          {"user.uid"},
		`{"args":["a"],"cwd":"/","rlimits":[{"type":"X"}]}`:   {"rlimits[0].type"},
		`{"args":["a"],"cwd":"/","oomScoreAdj":1001}`:         {"oomScoreAdj"},
		`{"args":["true"],"cwd":"/","env":["PATH=/missing"]}`: {"executable file not found in $PATH"},
		`{"args":["true"],"cwd":"/"}`:                         {"executable file not found in $PATH"},
		`{"args":["/bin/true"],"cwd":"/","terminal":true}`:    nil, // detached, see below
	} {
		write(t, file, text)
		flags := []string{"--process", file}
		if parts == nil {
			flags, parts = append(flags,
				"-d"), []string{"cannot allocate tty if runc will detach without setting console socket"}
		}
		execFails(t, c.Exec(flags), parts...)
	}
	execFails(t, c.Exec([]string{"--process", "/missing/file"}), "/missing/file", "no such file")
}

func TestExecAttributes(t *testing.T) {
	t.Parallel()
	c := running(t, idle, func(s *specs.Spec) {
		s.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux32}
	})
	file := processFile(t, c, func(p *specs.Process) {
		execScript("uname -m; ionice; cut -d' ' -f19 /proc/self/stat; grep Cpus_allowed_list /proc/self/status; " +
			"ulimit -u")(p)
		p.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_BE, Priority: 6}
		p.Scheduler = &specs.Scheduler{Policy: specs.SchedBatch, Nice: 5}
		p.ExecCPUAffinity = &specs.CPUAffinity{Initial: "0", Final: "0"}
		p.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NPROC", Soft: 900, Hard: 1000}}
	})
	_, cpus, _ := strings.Cut(read(t, "/proc/self/status"), "Cpus_allowed_list:\t")
	cpus, _, _ = strings.Cut(cpus, "\n")
	cmd := c.Command("exec", "--process", file, c.ID)
	machine := "i686"
	if r := host(t, "uname", "-m"); r != "x86_64" {
		machine = host(t, "setarch", "linux32", "uname", "-m")
	}
	c.Wait(cmd).OK().Prints(machine + "\nbest-effort: prio 6\n5\nCpus_allowed_list:\t0\n900")
	for affinity, want := range map[string]string{`{"initial":"0"}`: "0", "null": cpus} {
		write(t, file, `{"args":["/bin/grep","Cpus_allowed_list","/proc/self/status"],"cwd":"/","execCPUAffinity":`+
			affinity+"}")
		c.Exec([]string{"--process", file}).OK().Prints("Cpus_allowed_list:\t" + want)
	}
	write(t, file, `{"args":["/bin/true"],"cwd":"/","execCPUAffinity":{"final":"8191"}}`)
	execFails(t, c.Exec([]string{"--process", file}), "process.execCPUAffinity.final", "invalid argument")
}

// A limit of processes counts those of the user that are there in the end, not
// those that were needed on the way.
func TestExecProcessLimit(t *testing.T) {
	t.Parallel()
	const user = 61234
	c := running(t, idle)
	file := processFile(t, c, func(p *specs.Process) {
		p.User = specs.User{UID: user, GID: user}
		p.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NPROC", Soft: 1, Hard: 1}}
	})
	c.Exec([]string{"--process", file}).OK()
}

// The container's filter counts for processes that are executed in it, as it was
// compiled at create.
func TestExecSeccomp(t *testing.T) {
	t.Parallel()
	for _, nnp := range []bool{true, false} {
		c := running(t, idle, func(s *specs.Spec) {
			s.Process.NoNewPrivileges = nnp
			s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{
				{Names: []string{"mkdir", "mkdirat"}, Action: specs.ActErrno, ErrnoRet: ptr(uint(syscall.EXDEV))},
			}}
		})
		// what is stored is what counts: the profile is not compiled again
		config := filepath.Join(c.Root, c.ID, "config.json")
		write(t, config, strings.ReplaceAll(read(t, config), "mkdir", "rmdir"))
		r := c.Exec(nil, "sh", "-c", "grep Seccomp: /proc/self/status; "+capabilitySets+"; mkdir /tmp/x").Exits(1).
			Prints("Seccomp:\t2\n 20000420 20000420 20000420")
		if !strings.Contains(r.Stderr, "cross-device") && !strings.Contains(r.Stderr, "Invalid cross") {
			t.Errorf("mkdir: %s", r.Stderr)
		}
	}
}

func TestExecRlimitOfCaller(t *testing.T) {
	t.Parallel()
	c := running(t, idle, func(s *specs.Spec) { s.Process.Rlimits = nil })
	cmd := c.Command("exec", c.ID, "sh", "-c",
		`grep -E "^(SigIgn|SigBlk|Cpus_allowed_list)" /proc/self/status; `+
			`grep "open files" /proc/self/limits | tr -s " "; umask`)
	script := `umask 0; ulimit -Sn 500; ulimit -Hn 900; exec env --ignore-signal=HUP,PIPE,USR1 --block-signal=USR2,` +
		`TERM,CHLD,RTMIN+3 taskset 1 "$0" "$@"`
	cmd.Args = append([]string{"sh", "-c", script}, cmd.Args...)
	cmd.Path = "/bin/sh"
	cpus := read(t, "/sys/devices/system/cpu/online")
	c.Wait(cmd).OK().Prints("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nCpus_allowed_list:\t" + cpus +
		"\nMax open files 500 900 files \n0022")
}

func TestExecPreserveFds(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	file := create(t, filepath.Join(c.Dir, "preserved"))
	if _, err := file.WriteString("kept\n"); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		cmd := c.Command("exec", "--preserve-fds", strconv.Itoa(n), c.ID, "sh", "-c", descriptors)
		cmd.ExtraFiles = []*os.File{file, file}
		want := "0 1 2 "
		for fd := 3; fd < 3+n; fd++ {
			want += fmt.Sprintf("%d ", fd)
		}
		c.Wait(cmd).OK().Prints(want)
	}
	cmd := c.Command("exec", "--preserve-fds", "1", c.ID, "cat", "/proc/self/fd/3")
	cmd.ExtraFiles = []*os.File{file}
	c.Wait(cmd).OK().Prints("kept")
}

// Where the kernel has the security module, its label is what execve gives the
// process; where it has not, that is told.
func TestExecLabels(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	lsms, _ := os.ReadFile("/sys/kernel/security/lsm")
	apparmor, _ := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	r := c.Exec([]string{"--apparmor", "unconfined"}, "sh", "-c", "cat /proc/self/attr/current 2>/dev/null; true")
	if strings.HasPrefix(string(apparmor), "Y") {
		r.OK().Prints("unconfined")
	} else if r.OK(); !strings.Contains(r.Stderr, "process.apparmorProfile: this kernel has no AppArmor") {
		t.Errorf("stderr: %s", r.Stderr)
	}
	r = c.Exec([]string{"--process-label", "no_u:no_r:no_t:s0"}, "true")
	if _, err := os.Stat("/sys/fs/selinux/enforce"); err == nil {
		execFails(t, r, "no_u:no_r:no_t:s0")
	} else if r.OK(); !strings.Contains(r.Stderr, "process.selinuxLabel: this kernel has no SELinux") {
		t.Errorf("stderr: %s", r.Stderr)
	}
	t.Logf("security modules: %s", lsms)
}
