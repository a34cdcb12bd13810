package integration

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// onTerminal calls rung with a terminal for its stderr and returns what that
// shows. It must fail.
func onTerminal(t *testing.T, c *bundle.Container, args ...string) string {
	t.Helper()
	master, slave := openTerminal(t)
	s := newScreen(t, int(master.Fd()))
	cmd := c.Command(args...)
	cmd.Stderr = slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	c.Wait(cmd).Exits(1)
	if _, err := slave.WriteString("-- end\n"); err != nil {
		t.Fatal(err)
	}
	s.shows(t, "-- end\r\n")
	text, _, _ := strings.Cut(strings.ReplaceAll(s.String(), "\r\n", "\n"), "-- end\n")
	return text
}

// On a terminal an error is a line for people, and a hint where the way out is
// known.
func TestErrorsOnATerminal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		change      bundle.Change
		prepare     func(*testing.T, *bundle.Container) (args []string)
		error, hint string
	}{
		{name: "missing interpreter", change: bundle.Args("/script"), prepare: func(t *testing.T, c *bundle.Container) []string {
			write(t, c.Path("script"), "#!/no/such/shell\n")
			return nil
		}, error: `interpreter "/no/such/shell"`, hint: "the first line of /script names it"},
		{name: "wrong architecture", change: bundle.Args("/program"), prepare: func(t *testing.T, c *bundle.Container) []string {
			elf := "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x02\x00\xf3\x00" + strings.Repeat("\x00", 100) // RISC-V
			write(t, c.Path("program"), elf)
			return nil
		}, error: "exec format error"},
		{name: "noexec", change: bundle.Mount(specs.Mount{Destination: "/mnt", Type: "bind", Source: "/bin", Options: []string{"bind", "noexec"}}),
			prepare: func(t *testing.T, c *bundle.Container) []string {
				c.Configure(bundle.Args("/mnt/sh"), bundle.Mount(specs.Mount{Destination: "/mnt", Type: "bind", Source: c.Path("bin"), Options: []string{"bind", "noexec"}}))
				return nil
			}, error: "exec /mnt/sh: permission denied", hint: "noexec"},
		{name: "hard limit", change: func(s *specs.Spec) {
			s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: 1 << 40, Soft: 1 << 40}}
		}, error: "setting the limit RLIMIT_NOFILE: prlimit64: operation not permitted", hint: "CAP_SYS_RESOURCE"},
		{name: "no config.json", prepare: func(t *testing.T, c *bundle.Container) []string {
			return []string{"run", "--bundle", c.Dir, c.ID}
		}, error: "config.json: no such file or directory", hint: "rung spec makes"},
		{name: "taken", prepare: func(t *testing.T, c *bundle.Container) []string {
			c.Create().OK()
			return nil
		}, error: "container with given ID already exists", hint: "take another ID"},
		{name: "no container", prepare: func(t *testing.T, c *bundle.Container) []string {
			return []string{"state", c.ID}
		}, error: "container does not exist", hint: "(--root)"},
		{name: "log", prepare: func(t *testing.T, c *bundle.Container) []string {
			return []string{"--log", filepath.Join(c.Dir, "log"), "kill", c.ID}
		}, error: "container does not exist", hint: "the full log is in "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.change == nil {
				test.change = bundle.Args("true")
			}
			c := bundle.New(t, test.change)
			args := []string{"run", "--bundle", c.Bundle, c.ID}
			if test.prepare != nil {
				if a := test.prepare(t, c); a != nil {
					args = a
				}
			}
			lines := strings.Split(onTerminal(t, c, args...), "\n")
			if !strings.HasPrefix(lines[0], "rung: ") || !strings.Contains(lines[0], test.error) {
				t.Errorf("the error is %q, want %q in it", lines[0], test.error)
			}
			hints := 0
			for _, line := range lines[1 : len(lines)-1] {
				if !strings.HasPrefix(line, "hint: ") {
					t.Errorf("the line %q", line)
				}
				if strings.Contains(line, test.hint) {
					hints++
				}
			}
			if hints == 0 && test.hint != "" {
				t.Errorf("%q has no hint %q", lines, test.hint)
			}
		})
	}
}

// Programs that read stderr get what they always got.
func TestErrorsInAPipe(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	r := c.Do("state", c.ID).Fails(`level=error msg="`, "does not exist", ` hint="`)
	if !strings.HasPrefix(r.Stderr, `time="`) || strings.Count(r.Stderr, "\n") != 1 {
		t.Errorf("%q", r.Stderr)
	}
	log := filepath.Join(c.Dir, "log")
	r = c.Do("--log", log, "state", c.ID).Fails("does not exist")
	if strings.Contains(r.Stderr, "hint") || strings.Count(r.Stderr, "\n") != 1 {
		t.Errorf("%q", r.Stderr)
	}
	if _, err := os.Stat(log); err != nil {
		t.Error(err)
	}
}
