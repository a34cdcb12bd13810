package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// result is what one program of the suite did.
type result struct {
	tally
	exit    string // why the exit status was not 0; "" when it was
	runtime time.Duration
}

// passed reports whether the program passed: it exited with 0, no assert
// failed, and all the planned asserts ran.
func (r result) passed() bool {
	return r.exit == "" && len(r.failed) == 0 && (r.planned == 0 || r.planned == r.total())
}

// why says in a few words what was wrong.
func (r result) why() string {
	switch {
	case r.exit != "":
		return r.exit
	case len(r.failed) > 0:
		return "failed: " + r.failed[0]
	case r.planned != 0 && r.planned != r.total():
		return fmt.Sprintf("%d asserts planned, %d ran", r.planned, r.total())
	}
	return ""
}

// harness runs the programs of the suite, one at a time: they share cgroups.
type harness struct {
	dir     string // of the programs
	work    string // working directory: runtimetest and the root filesystem
	bundles string // TMPDIR of the programs
	logs    string // one file for each program; "" for none
	wrapper string // the runtime under test, as one executable without arguments
	limit   time.Duration
}

// newHarness lays the working directory out below tmp. The wrapper gives the
// runtime a state directory of its own and whatever other global flags.
func newHarness(tmp, dir, runtime string, flags []string) (*harness, error) {
	h := &harness{
		dir:     dir,
		work:    filepath.Join(tmp, "work"),
		bundles: filepath.Join(tmp, "bundles"),
		wrapper: filepath.Join(tmp, "runtime"),
	}
	for _, d := range []string{h.work, h.bundles} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return nil, err
		}
	}
	rootfs, err := filepath.Glob(filepath.Join(dir, "rootfs-*.tar.gz"))
	if err != nil {
		return nil, err
	}
	for _, file := range append(rootfs, filepath.Join(dir, "runtimetest")) {
		if err := copyFile(file, filepath.Join(h.work, filepath.Base(file)), 0o755); err != nil {
			return nil, err
		}
	}
	script := "#!/bin/sh\nexec"
	for _, word := range slices.Concat([]string{runtime, "--root", filepath.Join(tmp, "state")}, flags) {
		script += " " + shellQuote(word)
	}
	return h, os.WriteFile(h.wrapper, []byte(script+" \"$@\"\n"), 0o755)
}

func shellQuote(word string) string {
	return "'" + string(bytes.ReplaceAll([]byte(word), []byte("'"), []byte(`'\''`))) + "'"
}

// run runs a program in a mount namespace of its own: linux_ns_itype runs a
// container without one, whose mounts would stay.
func (h *harness) run(name string) (result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), h.limit)
	defer cancel()
	// Output goes to a file, since a container that is left behind holds
	// the writing end of a pipe.
	log, err := os.CreateTemp(h.work, "output-")
	if err != nil {
		return result{}, err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	cmd := exec.CommandContext(ctx, filepath.Join(h.dir, name))
	cmd.Dir = h.work
	cmd.Env = append(os.Environ(), "RUNTIME="+h.wrapper, "TMPDIR="+h.bundles)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Unshareflags: syscall.CLONE_NEWNS}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

	start := time.Now()
	err = cmd.Run()
	r := result{runtime: time.Since(start)}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		r.exit = fmt.Sprintf("timed out after %v", h.limit)
	case errors.As(err, &exit):
		r.exit = exit.String()
	case err != nil:
		return r, err
	}
	output, err := os.ReadFile(log.Name())
	if err != nil {
		return r, err
	}
	r.tally = parseTAP(output)
	if h.logs != "" {
		err = os.WriteFile(filepath.Join(h.logs, name+".log"), output, 0o644)
	}
	return r, err
}

// deleteContainers removes the containers that programs left behind.
func (h *harness) deleteContainers() error {
	ids, err := os.ReadDir(filepath.Join(filepath.Dir(h.wrapper), "state"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		if id.Name()[0] == '.' { // a runtime's own files, such as crun's cache
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), h.limit)
		out, err := exec.CommandContext(ctx, h.wrapper, "delete", "--force", id.Name()).CombinedOutput()
		cancel()
		if err != nil {
			errs = append(errs, fmt.Errorf("deleting container %s: %w: %s", id.Name(), err, bytes.TrimSpace(out)))
		}
	}
	return errors.Join(errs...)
}
