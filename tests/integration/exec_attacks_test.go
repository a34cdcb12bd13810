package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// CVE-2024-21626: neither the working directory nor the executable is reached
// through a descriptor of rung's own.
func TestExecThroughADescriptor(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	for fd := 3; fd < 32; fd++ {
		through := fmt.Sprintf("/proc/self/fd/%d", fd)
		execFails(t, c.Exec([]string{"--cwd", through}, "true"))
		execFails(t, c.Exec([]string{"--cwd", through + "/../.."}, "pwd"))
		execFails(t, c.Exec(nil, through+"/../../bin/sh", "-c", "true"))
	}
	c.Exec(nil, "sh", "-c", descriptors).OK().Prints("0 1 2 ")
	c.Exec([]string{"-u", "1000"}, "sh", "-c", descriptors).OK().Prints("0 1 2 ")
	execFails(t, c.Exec([]string{"--cwd", "/proc/self/cwd"}, "true"))
	execFails(t, c.Exec([]string{"--cwd", "/proc/1/cwd"}, "true"), "too many levels of symbolic links")
}

// CVE-2016-9962: a container that may trace, and tries to open whatever a new
// process has, finds nothing of the host, and cannot hold the process.
func TestExecIsClosedToTheContainer(t *testing.T) {
	t.Parallel()
	// a loop that looks for processes other than its own, through /proc
	const spy = `echo ready; while :; do for p in /proc/[0-9]*; do case $p in /proc/1|/proc/$$) continue;; esac
		[ "$(cat $p/comm 2>/dev/null)" = rung:[init] ] || continue
		echo seen >>/tmp/seen
		grep -E "^Cap(Prm|Eff)" $p/status 2>/dev/null >>/tmp/caps
		ls -l $p/fd/ $p/exe $p/root $p/cwd >>/tmp/opened 2>/dev/null
		cat $p/environ $p/mem $p/maps >>/tmp/read 2>/dev/null
	done; done`
	c := running(t, spy, func(s *specs.Spec) {
		for _, set := range []*[]string{&s.Process.Capabilities.Bounding, &s.Process.Capabilities.Effective,
			&s.Process.Capabilities.Permitted} {
			*set = append(*set, "CAP_DAC_OVERRIDE")
		}
	})
	for range 150 {
		c.Exec(nil, "true").OK()
	}
	seen, _ := os.ReadFile(c.Path("tmp/seen"))
	t.Logf("the container saw %d processes on their way", len(strings.Fields(string(seen))))
	// a process may have been executed before the spy looked at the rest of it: then
	// it has three descriptors, and its image is the container's
	descriptor := regexp.MustCompile(` ([0-9]+) -> `)
	for _, name := range []string{"opened", "read"} {
		text, _ := os.ReadFile(c.Path("tmp/" + name))
		for _, line := range strings.Split(string(text), "\n") {
			fd := descriptor.FindStringSubmatch(line)
			if strings.Contains(line, "memfd") || strings.Contains(line, "rung:") || fd != nil && fd[1] > "2" {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
	// what it saw never had more than the container's own capabilities
	caps, _ := os.ReadFile(c.Path("tmp/caps"))
	for line := range strings.Lines(string(caps)) {
		if got := strings.TrimLeft(strings.Fields(line)[1], "0"); got != "20000422" && got != "" {
			t.Errorf("a process on its way had %s", line)
		}
	}
}

// A container that may trace can write into what a process on its way shares with
// rung. It must not lead rung to another process than that.
func TestExecReportIsNotBelieved(t *testing.T) {
	t.Parallel()
	tracer := bundle.Program(t, "tracer")
	victim := exec.Command("sleep", "1000")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- victim.Wait() }()
	defer victim.Process.Kill()

	mayTrace := func(s *specs.Spec) {
		for _, set := range []*[]string{&s.Process.Capabilities.Bounding, &s.Process.Capabilities.Effective,
			&s.Process.Capabilities.Permitted} {
			*set = append(*set, "CAP_SYS_PTRACE")
		}
	}
	c := bundle.New(t, bundle.Args("tracer", fmt.Sprint(victim.Process.Pid)), mayTrace)
	host(t, "cp", tracer, c.Path("bin/tracer"))
	created := start(t, c)
	attacks := func() int {
		stdout, _ := created.Output()
		return strings.Count(stdout, "attacked")
	}
	for n := 0; n < 500 && attacks() < 3; n++ {
		if r := c.Exec(nil, "true"); r.Code != 0 {
			execFails(t, r)
		}
	}
	if attacks() < 3 {
		t.Errorf("there were %d attacks only", attacks())
	}
	select {
	case err := <-ended:
		t.Errorf("rung has ended a process of the host: %v", err)
	default:
	}
}

// CVE-2016-3697: a number is a number, whatever the container's passwd says.
func TestExecUserIsANumber(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	write(t, c.Path("etc/passwd"), "1000:x:0:0:root:/root:/bin/sh\nroot:x:0:0::/:/bin/sh\n")
	c.Exec([]string{"-u", "1000"}, "id", "-u").OK().Prints("1000")
	execFails(t, c.Exec([]string{"-u", "root"}, "true"), "not a numeric ID")
}

// A container cannot make an exec read, or hang on, something else through its
// /etc/passwd, which is only looked at for HOME.
func TestExecFakePasswd(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(newDir(t), "secret")
	write(t, secret, "u:x:0:0::/from-the-host:/bin/sh\n")
	c := running(t, idle)
	for _, make := range []func(string) error{
		func(p string) error { return os.Symlink(secret, p) },
		func(p string) error { return os.Symlink("../../../../../../../.."+secret, p) },
		func(p string) error { return os.Symlink("/proc/1/root"+secret, p) },
		func(p string) error { return exec.Command("mkfifo", p).Run() },
		func(p string) error { return os.Mkdir(p, 0o755) },
		func(p string) error { return os.Symlink("/dev/zero", p) },
	} {
		passwd := c.Path("etc/passwd")
		if err := os.RemoveAll(passwd); err != nil {
			t.Fatal(err)
		}
		if err := make(passwd); err != nil {
			t.Fatal(err)
		}
		c.Exec(nil, "sh", "-c", "echo $HOME").OK().Prints("/")
	}
}

// CVE-2019-5736: what the container executes of an exec is not rung.
func TestExecCannotOverwriteRung(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	before := host(t, "sha256sum", c.Runtime.Path)
	write(t, c.Path("bin/loop"), "#!/proc/self/exe\n")
	c.Exec(nil, "/bin/loop")
	c.Exec(nil, "sh", "-c", "for i in 1 2 3 4 5; do echo x >/proc/self/exe; done 2>/dev/null; true").OK()
	if after := host(t, "sha256sum", c.Runtime.Path); after != before {
		t.Error("rung's own executable was changed")
	}
}
