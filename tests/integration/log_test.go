package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// logLines reads a log in JSON. All values are strings.
func logLines(t *testing.T, path string) (lines []map[string]string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for d := json.NewDecoder(f); ; {
		var values map[string]any
		if err := d.Decode(&values); errors.Is(err, io.EOF) {
			return lines
		} else if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		line := map[string]string{}
		for key, value := range values {
			line[key] = fmt.Sprint(value)
		}
		lines = append(lines, line)
	}
}

// lastError is the error that containerd would report: the last in the log.
func lastError(t *testing.T, path string) map[string]string {
	t.Helper()
	var last map[string]string
	for _, line := range logLines(t, path) {
		if line["level"] == "error" {
			last = line
		}
	}
	if last == nil {
		t.Fatalf("no error in the log:\n%s", read(t, path))
	}
	return last
}

func TestLogKeys(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Mount(specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "none",
		Options: []string{"size=many"}}))
	log := filepath.Join(c.Dir, "log")
	r := c.Do("--log", log, "--log-format", "json", "create", "--bundle", c.Bundle, c.ID).Fails("/mnt")
	line := lastError(t, log)
	if _, err := time.Parse(time.RFC3339, line["time"]); err != nil {
		t.Errorf("time: %v", err)
	}
	if line["syscall"] != "fsconfig" || line["errno"] != "EINVAL" || line["step"] == "" ||
		!strings.Contains(line["msg"], "tmpfs") {
		t.Errorf("keys: %v", line)
	}
	if !strings.Contains(r.Stderr, line["msg"]) {
		t.Errorf("stderr %q is without the log's %q", r.Stderr, line["msg"])
	}
	// the log grows
	c.Do("--log", log, "--log-format", "json", "start", c.ID).Fails("does not exist")
	if n := len(logLines(t, log)); n != 2 {
		t.Errorf("%d lines, want 2", n)
	}
	if !strings.Contains(lastError(t, log)["msg"], "does not exist") {
		t.Errorf("the last line: %v", lastError(t, log))
	}
}

func TestLogText(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	log := filepath.Join(c.Dir, "log")
	c.Do("--log", log, "state", c.ID).Fails("does not exist")
	if text := read(t, log); !strings.Contains(text, "level=error") || !strings.Contains(text, "does not exist") {
		t.Errorf("the log: %q", text)
	}
	c.Do("--log", log, "--log-format", "xml", "state", c.ID).Fails("xml")
}

func TestDebugNamesTheActions(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	quiet, debug := filepath.Join(c.Dir, "quiet"), filepath.Join(c.Dir, "debug")
	c.Do("--log", quiet, "run", "--bundle", c.Bundle, c.ID).OK()
	c.Do("--debug", "--log", debug, "run", "--bundle", c.Bundle, c.ID).OK()
	if text := read(t, quiet); text != "" {
		t.Errorf("without --debug: %s", text)
	}
	if text := read(t, debug); !strings.Contains(text, "creating the cgroup") {
		t.Errorf("with --debug: %s", text)
	}
}

// A property that rung does not know is a warning that names it, and an error
// with --strict.
func TestUnknownProperties(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	config := filepath.Join(c.Bundle, "config.json")
	write(t, config, strings.Replace(read(t, config), `"noNewPrivileges"`,
		`"noNewPriviledges": true, "noNewPrivileges"`, 1))
	log := filepath.Join(c.Dir, "log")
	c.Do("--log", log, "--log-format", "json", "run", "--bundle", c.Bundle, c.ID).OK()
	lines := logLines(t, log)
	if len(lines) != 1 || lines[0]["level"] != "warning" ||
		!strings.Contains(lines[0]["msg"], "process.noNewPriviledges") {
		t.Errorf("the log: %v", lines)
	}
	c.Do("--strict", "create", "--bundle", c.Bundle, c.ID).Fails("process.noNewPriviledges")
	c.LeavesNothing()
}

// All that is wrong with a config is told at once, each with its path.
func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, func(s *specs.Spec) {
		s.Version = "9.9.9"
		s.Process.Cwd = "relative"
		s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "relative")
		s.Hooks = &specs.Hooks{Poststop: []specs.Hook{{Path: "relative"}, {Path: "/bin/true", Timeout: ptr(0)}}}
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: "pid"})
	})
	c.Create().Fails("ociVersion", "process.cwd", "linux.maskedPaths[10]", "hooks.poststop[0].path",
		"hooks.poststop[1].timeout", "linux.namespaces[5]")
	c.LeavesNothing()
}

// What rung does not do yet is refused by name.
func TestUnsupportedIsRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]bundle.Change{
		"linux.intelRdt": func(s *specs.Spec) { s.Linux.IntelRdt = &specs.LinuxIntelRdt{ClosID: "x"} },
		"idmap": bundle.Mount(specs.Mount{Destination: "/mnt", Source: "/tmp", Options: []string{"bind", "idmap"},
			UIDMappings: []specs.LinuxIDMapping{{HostID: 1, Size: 1}},
			GIDMappings: []specs.LinuxIDMapping{{HostID: 1, Size: 1}}}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, change)
			c.Create().Fails(name, "supported")
			c.LeavesNothing()
		})
	}
}
