package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// TestExec lets each step of exec's program fail, and rung and the process be
// killed before each. The container lives on, and nothing is left in it.
func TestExec(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	must(t, bundle.Make(filepath.Join(bundle.Scratch(), "shared", "bundle"), &specs.Spec{})) // see makeRootfs
	for _, config := range []*config{
		{name: "usual"},
		{name: "all", changes: []bundle.Change{bundle.Namespace(specs.TimeNamespace, ""), restricted}},
		{name: "shared", changes: []bundle.Change{restricted, func(s *specs.Spec) {
			s.Linux.Namespaces, s.Hostname, s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, "", nil, nil,
				nil
		}}},
		{name: "user namespace", changes: []bundle.Change{restricted, bundle.Namespace(specs.UserNamespace, ""),
			func(s *specs.Spec) {
				ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
				s.Linux.UIDMappings, s.Linux.GIDMappings = ids, ids
			}}, uid: 100000},
	} {
		t.Run(config.name, func(t *testing.T) {
			steps := surveyExec(t, config)
			var failing []step
			for _, e := range steps {
				if e.class == fatal {
					failing = append(failing, e)
				}
			}
			t.Run("failing steps", func(t *testing.T) { eachExec(t, config, failing, failExecStep) })
			t.Run("rung killed before steps", func(t *testing.T) { eachExec(t, config, steps, killExecRung) })
			t.Run("process killed before steps", func(t *testing.T) { eachExec(t, config, steps, killExecProcess) })
		})
	}
}

// restricted has the process of the container, and so of an exec, use more.
func restricted(s *specs.Spec) {
	p := s.Process
	p.Cwd, p.NoNewPrivileges = "/etc", false
	p.User = specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{5}}
	p.OOMScoreAdj = pointer(500)
	p.Rlimits = append(p.Rlimits, specs.POSIXRlimit{Type: "RLIMIT_NPROC", Soft: 500, Hard: 500})
	p.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_BE, Priority: 6}
	p.ExecCPUAffinity = &specs.CPUAffinity{Initial: "0", Final: "0"}
	s.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux}
	s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow,
		Syscalls: []specs.LinuxSyscall{{Names: []string{"bpf"}, Action: specs.ActErrno}}}
}

// living makes a container that runs, for execs.
func living(config *config) (*container, error) {
	c, err := newContainer(config, bundle.Args("sleep", "1000"))
	if err != nil {
		return nil, err
	}
	k, err := c.create(fault{})
	if err == nil {
		err = k.wait(0)
	}
	if err == nil {
		err = c.do("start")
	}
	return c, err
}

func (c *container) exec(f fault) (*command, error) {
	return c.call(f, "exec", "--preserve-fds", "1", c.id, "/bin/true")
}

// surveyExec executes a process without a fault, and returns the steps it takes.
func surveyExec(t *testing.T, config *config) (executed []step) {
	c, err := living(config)
	must(t, err)
	k, err := c.exec(fault{Trace: true})
	must(t, err)
	must(t, k.wait(0))
	messages, err := k.drain()
	must(t, err)
	must(t, c.do("delete", "--force"))
	must(t, c.gone())
	steps, seen, alike := map[place]step{}, map[place]bool{}, map[string]int{}
	for _, m := range messages {
		var p place
		var kind, rest string
		n, _ := fmt.Sscan(m.text, &kind, &p.Where, &p.Index, &rest)
		switch {
		case kind == "step" && n == 4:
			_, label, _ := strings.Cut(m.text, rest+" ")
			steps[p] = step{p, class(rest), label}
		case kind == "at" && n >= 3 && p.Where == inBirth && !seen[p]:
			seen[p] = true
			// dozens of capabilities are dropped alike
			if alike[steps[p].label]++; alike[steps[p].label] <= 6 {
				executed = append(executed, steps[p])
			}
		}
	}
	if len(executed) < 30 {
		t.Fatalf("an exec has %d steps: %v", len(executed), messages)
	}
	return executed
}

func eachExec(t *testing.T, config *config, steps []step, try func(*container, step) error) {
	each(t, len(steps), "steps", func(i int) error {
		c, err := living(config)
		if err == nil {
			err = try(c, steps[i])
		}
		if err != nil {
			return fmt.Errorf("%v (%s): %w", steps[i].place, steps[i].label, err)
		}
		again, err := c.exec(fault{}) // nothing is in the way of the next one
		if err == nil {
			err = again.wait(0)
		}
		return errors.Join(err, c.do("delete", "--force"), c.gone())
	})
}

func failExecStep(c *container, e step) error {
	k, err := c.exec(fault{Fail: e.place})
	if err != nil {
		return err
	}
	m, err := k.await("fails ")
	if err != nil {
		return err
	}
	err = k.wait(255)
	// before the report page is mapped only the end is seen
	if e.Index > 0 && !strings.HasPrefix(e.label, "executing ") {
		err = errors.Join(err, c.names(k, e, m.text))
	}
	_, drained := k.drain()
	return errors.Join(err, drained)
}

func killExecRung(c *container, e step) error {
	k, err := c.exec(fault{Hold: e.place})
	if err != nil {
		return err
	}
	if _, err := k.await("held at"); err != nil {
		return err
	}
	k.kill()
	k.goOn()
	_, err = k.drain()
	return err
}

func killExecProcess(c *container, e step) error {
	k, err := c.exec(fault{Hold: e.place})
	if err != nil {
		return err
	}
	m, err := k.await("held at")
	if err != nil {
		return err
	}
	err = kill(m.pid)
	k.goOn()
	_, drained := k.drain()
	// 137: it was as good as executed; 0: what was held had cloned the process already
	return errors.Join(err, drained, k.wait(255, 128+9, 0))
}
