package faults

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestFaults(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	before := descriptors()
	t.Cleanup(func() { // after all others
		if left := leaked(before, false); len(left) > 0 {
			t.Errorf("descriptors of the test are left: %v", left)
		}
	})
	known := map[string]bool{}
	steps, kills, actions := 0, 0, 0
	for _, config := range configs(t) {
		t.Run(config.name, func(t *testing.T) {
			s := survey(t, config)
			t.Log(s)
			scenarios := scenarios(s)
			s.forget(known)
			t.Run("failing steps", func(t *testing.T) { steps += s.eachStep(t, s.fatal(), failStep) })
			t.Run("rung killed before steps", func(t *testing.T) { kills += s.eachStep(t, s.executed, killRung) })
			t.Run("child killed before steps", func(t *testing.T) { kills += s.eachStep(t, s.executed, killChild) })
			for _, sc := range scenarios {
				t.Run("actions of "+sc.name, func(t *testing.T) { actions += sc.test(t) })
			}
		})
	}
	t.Logf("in all: %d steps failed, %d kills before steps, %d kills before rung's own actions", steps, kills, actions)
}

// A step of a program of a config.
type step struct {
	place
	class class
	label string
}

// surveyed is what is known of a config's programs.
type surveyed struct {
	config   *config
	ready    int
	steps    map[place]step
	executed []step // in their order
}

func (s *surveyed) String() string {
	count := map[class]int{}
	for _, e := range s.executed {
		count[e.class]++
	}
	return fmt.Sprintf("%d steps: %d executed, of which %d can fail the creation, %d tolerate every error, %d are "+
		"jumps and exits",
		len(s.steps), len(s.executed), count[fatal], count[tolerated], count[unfailing])
}

func (s *surveyed) fatal() (list []step) {
	for _, e := range s.executed {
		if e.class == fatal {
			list = append(list, e)
		}
	}
	return list
}

// forget leaves out steps that a config before this had, if it is to do so.
func (s *surveyed) forget(known map[string]bool) {
	if s.config.only {
		s.executed = slices.DeleteFunc(s.executed, func(e step) bool { return known[e.label] })
	}
	for _, e := range s.executed {
		known[e.label] = true
	}
}

// survey runs a container without a fault, and records which steps it takes.
func survey(t *testing.T, config *config) *surveyed {
	s := &surveyed{config: config, steps: map[place]step{}}
	c, err := newContainer(config)
	must(t, err)
	k, err := c.create(fault{Trace: true})
	must(t, err)
	must(t, k.wait(0))
	must(t, c.do("start"))
	messages, err := k.drain() // the process was true
	must(t, err)
	must(t, c.do("delete", "--force")) // it may be about to end
	must(t, c.gone())
	seen := map[place]bool{}
	for _, m := range messages {
		var p place
		var kind, rest string
		if strings.HasPrefix(m.text, "ready ") {
			fmt.Sscanf(m.text, "ready %d", &s.ready)
			continue
		}
		n, _ := fmt.Sscan(m.text, &kind, &p.Where, &p.Index, &rest)
		switch {
		case kind == "step" && n == 4:
			_, label, _ := strings.Cut(m.text, rest+" ")
			s.steps[p] = step{p, class(rest), strings.ReplaceAll(label, c.dir, "")}
		case kind == "at" && n >= 3 && p.Where != atAction && !seen[p]: // two processes may execute it
			s.executed = append(s.executed, s.steps[p])
			seen[p] = true
		}
	}
	return s
}

// workers is how many containers are made at a time. They wait for the kernel,
// which removes namespaces and cgroups with delays, most of their time.
func workers() int { return 4 * runtime.NumCPU() }

// tooMany failures end a group.
const tooMany = 10

// each makes n tries, many at a time.
func each(t *testing.T, n int, what string, try func(i int) error) int {
	var wg sync.WaitGroup
	var failed atomic.Int64
	queue := make(chan int)
	for range workers() {
		wg.Go(func() {
			for i := range queue {
				if err := try(i); err != nil {
					failed.Add(1)
					t.Error(err)
				}
			}
		})
	}
	done := 0
	for ; done < n && failed.Load() < tooMany; done++ {
		queue <- done
	}
	close(queue)
	wg.Wait()
	t.Logf("went through %d of %d %s", done, n, what)
	if done == 0 {
		t.Error("that is nothing")
	}
	return done
}

// eachStep tries a fault at each of the steps.
func (s *surveyed) eachStep(t *testing.T, steps []step, try func(*surveyed, step) error) int {
	return each(t, len(steps), "steps", func(i int) error {
		if err := try(s, steps[i]); err != nil {
			return fmt.Errorf("%v (%s): %w", steps[i].place, steps[i].label, err)
		}
		return nil
	})
}

// test kills rung, and its children, before each of the actions.
func (sc *scenario) test(t *testing.T) int {
	names := sc.actions(t)
	return each(t, 2*len(names), "kills before "+fmt.Sprint(len(names))+" actions", func(i int) error {
		action, who, bad := i/2, "rung", killedRung
		if i%2 == 1 {
			who, bad = "the child", killedChild
		}
		if err := sc.disturb(action, bad); err != nil {
			return fmt.Errorf("%s killed before %q: %w", who, names[action], err)
		}
		return nil
	})
}

// failStep lets a step fail.
func failStep(s *surveyed, e step) error {
	c, err := newContainer(s.config)
	if err != nil {
		return err
	}
	k, err := c.create(fault{Fail: e.place})
	if err != nil {
		return err
	}
	m, err := k.await("fails ")
	if err != nil {
		return err
	}
	if s.answered(e) {
		<-k.ended
		if k.code == 0 || e.Index >= s.ready {
			return failStart(c, k, e, m.text, e.Index <= s.ready+1)
		}
	}
	return errors.Join(k.wait(1), c.names(k, e, m.text), c.noPidFile(), c.gone())
}

// answered tells steps that come when create has succeeded, or may have: the
// last two before the start get and look at the answer that it did.
func (s *surveyed) answered(e step) bool { return e.Where == inBirth && e.Index >= s.ready-2 }

// failStart follows a failure after the container was created, by the start or,
// before the process waits for that, alone.
func failStart(c *container, k *command, e step, told string, alone bool) error {
	if err := k.wait(0); err != nil {
		return err
	}
	if alone {
		if err := c.awaitEnd(); err != nil {
			return err
		}
	}
	start, err := c.call(fault{}, "start", c.id)
	if err != nil {
		return err
	}
	return errors.Join(start.wait(1), c.names(start, e, told), c.do("delete"), c.gone())
}

// names requires that the error names the step: by its label on stderr, and by
// its index in the log. Before the report page is mapped, by the first step,
// only the end of the process can be seen.
func (c *container) names(k *command, e step, told string) error {
	label := strings.TrimPrefix(told, "fails ")
	execve := strings.Replace(label, "executing ", "exec ", 1) // as people know it; a close before it has the label
	if !strings.Contains(k.String(), label) && !strings.Contains(k.String(), execve) {
		return fmt.Errorf("the error does not have the label: %v", k)
	}
	if e.Index == 0 {
		return nil
	}
	return c.logged(e.Index)
}

// hold brings a container to a step, in create or in start.
func hold(s *surveyed, e step) (c *container, create, held *command, pid int, err error) {
	if c, err = newContainer(s.config); err != nil {
		return nil, nil, nil, 0, err
	}
	if create, err = c.create(fault{Hold: e.place}); err != nil {
		return c, nil, nil, 0, err
	}
	held = create
	if e.Where == inBirth && e.Index >= s.ready {
		if err = create.wait(0); err == nil {
			held, err = c.call(fault{}, "start", c.id)
		}
	}
	if err != nil {
		return c, nil, nil, 0, err
	}
	m, err := create.await("held at")
	return c, create, held, m.pid, err
}

// killRung kills rung before a step, while the child is there and cannot go on.
func killRung(s *surveyed, e step) error {
	c, create, held, _, err := hold(s, e)
	if err != nil {
		return err
	}
	held.kill()
	err = c.do("delete", "--force")
	create.goOn()
	return errors.Join(err, c.gone())
}

// killChild kills the process that executes a step.
func killChild(s *surveyed, e step) error {
	c, create, held, pid, err := hold(s, e)
	if err != nil {
		return err
	}
	err = kill(pid)
	create.goOn()
	switch {
	case err != nil:
	case held == create && s.survivable(e):
		err = held.wait(0, 1)
	case held == create:
		err = errors.Join(held.wait(1), c.stateless())
	default:
		err = held.wait(1)
	}
	return errors.Join(err, c.do("delete", "--force"), c.gone())
}

// survivable tells steps whose process may end: that which clones the first
// process has nothing more to do then, and of the last steps before the start
// create does not wait for the end.
func (s *surveyed) survivable(e step) bool {
	return s.answered(e) || strings.HasPrefix(e.label, "cloning the container's first process")
}
