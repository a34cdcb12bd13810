package faults

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// A scenario is a command of rung that is disturbed before each of its own
// actions, and what comes before it.
type scenario struct {
	name    string
	config  *config
	changes []bundle.Change
	before  []string // commands
	stopped bool     // then wait for the end of the process
	command []string
	fail    place // a step that fails besides
}

func scenarios(s *surveyed) []*scenario {
	quiet := *s.config
	quiet.env = nil // nobody waits for a process to be ready that never says so
	sleeping := []bundle.Change{bundle.Args("sleep", "1000"), func(c *specs.Spec) { c.Process.Terminal = false }}
	quiet.sockets = false
	fatal := s.fatal()
	list := []*scenario{
		{name: "create", config: s.config, command: []string{"create"}},
		{name: "create that fails", config: s.config, command: []string{"create"}, fail: fatal[len(fatal)/2].place},
		{name: "start", config: s.config, before: []string{"create"}, command: []string{"start"}},
		{name: "start that fails", config: s.config, before: []string{"create"}, command: []string{"start"},
			fail: fatal[len(fatal)-1].place},
		{name: "run detached", config: s.config, command: []string{"run", "--detach"}},
		{name: "run that fails", config: s.config, command: []string{"run", "--detach"},
			fail: fatal[len(fatal)-1].place},
		{name: "delete", config: s.config, before: []string{"create", "start"}, stopped: true,
			command: []string{"delete"}},
		{name: "delete of a created container", config: &quiet, changes: sleeping, before: []string{"create"},
			command: []string{"delete", "--force"}},
		{name: "delete of a running container", config: &quiet, changes: sleeping, before: []string{"create", "start"},
			command: []string{"delete", "--force"}},
	}
	if !s.config.sockets {
		list = append(list, &scenario{name: "run", config: s.config, command: []string{"run"}})
	}
	return list
}

// container makes the container that the command is about.
func (sc *scenario) container() (*container, error) {
	c, err := newContainer(sc.config, sc.changes...)
	if err != nil {
		return nil, err
	}
	f := fault{}
	if !slices.Contains(sc.command, "create") && !slices.Contains(sc.command, "run") {
		f.Fail = sc.fail // of the program that create makes
	}
	for _, command := range sc.before {
		k, err := c.run(f, command)
		if err == nil {
			err = k.wait(0)
		}
		if err != nil {
			return nil, err
		}
	}
	if sc.stopped {
		return c, c.awaitEnd()
	}
	return c, nil
}

// call begins the command.
func (sc *scenario) call(c *container, f fault) (*command, error) {
	f.Fail = sc.fail
	return c.run(f, sc.command...)
}

// run calls a command with what it needs.
func (c *container) run(f fault, command ...string) (*command, error) {
	if command[0] == "create" || command[0] == "run" {
		return c.make(f, command...)
	}
	return c.call(f, append(slices.Clone(command), c.id)...)
}

// awaitEnd waits until the container's process is a zombie or gone.
func (c *container) awaitEnd() error {
	pid, err := os.ReadFile(c.pidFile)
	if err != nil {
		return err
	}
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + string(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return nil
		}
	}
	return fmt.Errorf("process %s does not end", pid)
}

// actions counts the actions of the command.
func (sc *scenario) actions(t *testing.T) (names []string) {
	c, err := sc.container()
	must(t, err)
	k, err := sc.call(c, fault{Trace: true})
	must(t, err)
	must(t, k.wait(0, 1))
	must(t, c.do("delete", "--force"))
	messages, err := k.drain()
	must(t, err)
	must(t, c.gone())
	for _, m := range messages {
		var n int
		if _, err := fmt.Sscanf(m.text, "at "+atAction+" %d", &n); err == nil {
			_, name, _ := strings.Cut(m.text, fmt.Sprintf("%d ", n))
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		t.Fatal("the command has no actions")
	}
	return names
}

// disturb does something bad while rung waits before an action, and requires
// that delete --force takes all away and the container can be created again.
func (sc *scenario) disturb(action int, bad func(*container, *command) error) error {
	c, err := sc.container()
	if err != nil {
		return err
	}
	k, err := sc.call(c, fault{Hold: place{atAction, action}})
	if err != nil {
		return err
	}
	if _, err := k.await("held at"); err != nil {
		return err
	}
	if err := errors.Join(bad(c, k), c.do("delete", "--force"), c.stateless()); err != nil {
		return err
	}
	again, err := c.create(fault{})
	if err != nil {
		return err
	}
	return errors.Join(again.wait(0), c.do("delete", "--force"), c.gone())
}

func killedRung(_ *container, k *command) error {
	k.kill()
	return nil
}

func killedChild(c *container, k *command) error {
	c.killProcesses(k)
	k.goOn()
	return k.wait(0, 1, 128+9)
}
