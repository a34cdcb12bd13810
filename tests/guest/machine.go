package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

//go:embed inside
var inside embed.FS

// A machine is a guest that is not started yet.
type machine struct {
	dir     string // of what make-root has made
	kernel  string
	cpus    int
	memory  int // MiB
	systemd bool
	out     string    // a directory of the host, or ""
	console io.Writer // gets what the kernel and pid 1 say; nil if nobody wants to know

	control string // a directory that the guest has as /run/guest
}

// run starts the machine, lets it run a shell script, whose output goes to w, and
// returns the script's exit status.
func (m *machine) run(ctx context.Context, script string, w io.Writer) (status int, err error) {
	m.control, err = os.MkdirTemp("", "rung-guest-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(m.control)
	if err := m.prepare(script); err != nil {
		return 0, err
	}
	said := &tail{}
	console := io.Writer(said)
	if m.console != nil {
		console = io.MultiWriter(said, m.console)
	}
	switch m.kernel {
	case "uml":
		err = m.uml(ctx, w, console)
	case "qemu":
		err = m.qemu(ctx, w, console)
	default:
		err = fmt.Errorf("no kernel %q: uml or qemu", m.kernel)
	}
	text, readErr := os.ReadFile(filepath.Join(m.control, "status"))
	if readErr == nil && len(text) > 0 {
		return strconv.Atoi(strings.TrimSpace(string(text)))
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return 124, errors.New("it took too long")
	}
	return 125, errors.Join(errors.New("the guest ended without a status"), err, ctx.Err(), errors.New(said.String()))
}

// prepare fills the control directory.
func (m *machine) prepare(script string) error {
	console := "/dev/tty1"
	if m.kernel == "qemu" { // a virtual console is too slow
		console = "/run/guest/out"
	}
	for name, text := range map[string]string{"command": script, "console": console, "out": ""} {
		if err := os.WriteFile(filepath.Join(m.control, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := os.Chmod(m.control, 0o755); err != nil {
		return err
	}
	return fs.WalkDir(inside, "inside", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return errors.Join(err, os.MkdirAll(filepath.Join(m.control, path), 0o755))
		}
		text, err := inside.ReadFile(path)
		return errors.Join(err, os.WriteFile(filepath.Join(m.control, path), text, 0o755))
	})
}

// arguments are those of the kernel's command line that are for the guest's pid 1.
func (m *machine) arguments() ([]string, error) {
	repository, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	write := m.control + "=/run/guest"
	if m.out != "" {
		out, err := filepath.Abs(m.out)
		if err != nil {
			return nil, err
		}
		write += ":" + out + "=/out"
	}
	systemd := "0"
	if m.systemd {
		systemd = "1"
	}
	args := []string{"GUEST_ROOT=" + m.dir + "/root", "GUEST_SYSTEMD=" + systemd,
		"GUEST_READ=" + repository + "=/rung", "GUEST_WRITE=" + write}
	for _, arg := range args {
		if strings.ContainsAny(arg, " \t\n\"") || strings.Count(arg, ":") > 1 {
			return nil, fmt.Errorf("the kernel's command line takes no such path: %s", arg)
		}
	}
	return args, nil
}

// uml runs user-mode-linux to its end. It is given three console devices: nothing for
// /dev/console, the kernel's messages, and what the command prints.
func (m *machine) uml(ctx context.Context, w, console io.Writer) error {
	args, err := m.arguments()
	if err != nil {
		return err
	}
	r, tty, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd := command(ctx, m.dir+"/linux", append([]string{fmt.Sprintf("mem=%dM", m.memory), "uml_dir=" + m.control,
		"root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "init=" + m.control + "/inside/uml-init",
		"con=null", "con0=null,fd:1", "con1=null,fd:3", "ssl=null", "panic=-1",
		"seccomp=on"}, args...)...) // processes held by seccomp instead of ptrace: a third less CPU
	cmd.Env = append(os.Environ(), "TMPDIR=/dev/shm") // the guest's memory is a file there
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = console, console, []*os.File{tty}
	if err := cmd.Start(); err != nil {
		tty.Close()
		return err
	}
	tty.Close()
	copied := make(chan error)
	go func() { _, err := io.Copy(w, r); copied <- err }()
	err = cmd.Wait()
	return errors.Join(err, <-copied)
}

// command is a program in a process group of its own, which all ends with ctx.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// A tail keeps the end of what is written to it.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if len(t.text) > 8<<10 {
		t.text = append([]byte(nil), t.text[len(t.text)-4<<10:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return "its console ends with\n" + string(bytes.TrimSpace(t.text)) }
