package cri

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A flow is something that a client does with containers, from beginning to end.
type flow struct {
	name string
	run  func(*attempt)
	// alone is for flows that disturb others, as restarting containerd does.
	alone bool
}

// controls are the runtimes that rung is compared with, in this order. A crun
// older than the runtime-spec that containerd writes starts nothing.
var controls = []string{"runc", "crun"}

// attemptLimit is how long one flow may take with one runtime.
const attemptLimit = 2 * time.Minute

func flows() []flow {
	return slices.Concat(podFlows(), containerFlows(), securityFlows(), mountFlows(), resourceFlows(),
		execFlows(), daemonFlows(), ctrFlows())
}

// TestFlows runs each flow with rung, and with a control where that can tell something.
func TestFlows(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	recorded, err := readFlows()
	if err != nil {
		t.Fatal(err)
	}
	n := startNode(t)
	for _, alone := range []bool{false, true} {
		t.Run(map[bool]string{false: "together", true: "alone"}[alone], func(t *testing.T) {
			for _, f := range flows() {
				if f.alone != alone {
					continue
				}
				t.Run(f.name, func(t *testing.T) {
					if !alone {
						t.Parallel()
					}
					compare(t, n, f, recorded[f.name])
				})
			}
		})
	}
}

// compare requires that a flow passes with rung if it passes with any control. One
// that is recorded as passing with a control is tried with rung alone.
func compare(t *testing.T, n *node, f flow, recorded string) {
	err := tryAgain(t, n, f, "rung")
	if err == nil && recorded != "" {
		return
	}
	var refusals []string
	for _, control := range controls {
		if n.runtimes[control] == "" {
			refusals = append(refusals, control+": not installed")
			continue
		}
		refused := tryAgain(t, n, f, control)
		if refused == nil {
			if err != nil {
				t.Errorf("passes with %s, fails with rung: %v", control, err)
			} else {
				t.Logf("passes with %s, too, which flows.txt can record: %s %s", control, f.name, control)
			}
			return
		}
		refusals = append(refusals, fmt.Sprintf("%s: %v", control, refused))
	}
	if err != nil {
		t.Skipf("fails with every runtime: rung: %v; %s", err, strings.Join(refusals, "; "))
	}
	t.Logf("passes with rung only: %s", strings.Join(refusals, "; "))
}

// tryAgain tries a flow, and once more if containerd lost a fifo, or ctr some output.
func tryAgain(t *testing.T, n *node, f flow, handler string) error {
	err := try(n, f, handler)
	if lostFifo(err) || strings.HasPrefix(f.name, "ctr-") && lostOutput(err) {
		t.Logf("tried again with %s: %v", handler, err)
		err = try(n, f, handler)
	}
	return err
}

// lostFifo reports whether an attempt failed by a bug of containerd, and by nothing
// else (https://github.com/containerd/containerd/issues/11033): the runtime has made
// the container, and then the shim waits half a minute for containerd to open the
// other end of a fifo. It came once in some thirty runs of all flows.
func lostFifo(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "containerd-shim: opening w/o fifo ") &&
		strings.HasSuffix(text, "failed: context deadline exceeded") &&
		!strings.Contains(text, "\n") // which stands between several failures
}

// lostOutput reports whether an attempt failed for want of output, and of all of it, as
// by a bug of ctr: when the process has ended it gives up reading
// (https://github.com/containerd/containerd/pull/13931).
func lostOutput(err error) bool {
	if err == nil {
		return false
	}
	for line := range strings.Lines(err.Error()) {
		if !strings.Contains(line, `got "", want "`) && !strings.HasSuffix(strings.TrimSpace(line), `is not in ""`) {
			return false
		}
	}
	return true
}

// An attempt is one flow with one runtime. Like testing.T it ends with Fatalf,
// but what a failure means is for compare to say.
type attempt struct {
	*node
	handler  string
	ctx      context.Context
	name     string // unique, for what the flow makes
	pods     uint32
	failures []error
	cleanups []func()
}

// serial numbers the attempts.
var serial atomic.Int64

func try(n *node, f flow, handler string) error {
	ctx, cancel := context.WithTimeout(context.Background(), attemptLimit)
	defer cancel()
	a := &attempt{node: n, handler: handler, ctx: ctx, name: fmt.Sprintf("%s-%s-%d", f.name, handler, serial.Add(1))}
	a.step(func() { f.run(a) })
	for _, cleanup := range slices.Backward(a.cleanups) {
		a.step(cleanup)
	}
	return errors.Join(a.failures...)
}

// step calls a function that may end with Fatalf.
func (a *attempt) step(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func (a *attempt) Errorf(format string, args ...any) {
	a.failures = append(a.failures, fmt.Errorf(format, args...))
}

func (a *attempt) Fatalf(format string, args ...any) {
	a.Errorf(format, args...)
	runtime.Goexit()
}

// must ends the attempt on an error.
func (a *attempt) must(err error) {
	if err != nil {
		a.Fatalf("%w", err)
	}
}

// Cleanup calls f at the attempt's end; what is registered last comes first.
func (a *attempt) Cleanup(f func()) { a.cleanups = append(a.cleanups, f) }

// equal compares what a container said with what it should have.
func (a *attempt) equal(what, got, want string) {
	if strings.TrimSpace(got) != strings.TrimSpace(want) {
		a.Errorf("%s: got %q, want %q", what, strings.TrimSpace(got), strings.TrimSpace(want))
	}
}

func (a *attempt) contains(what, got, want string) {
	if !strings.Contains(got, want) {
		a.Errorf("%s: %q is not in %q", what, want, got)
	}
}

// eventually waits until a condition holds, and ends the attempt if it never does.
func (a *attempt) eventually(what string, holds func() bool) {
	for deadline := time.Now().Add(45 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) || a.ctx.Err() != nil {
			a.Fatalf("%s: does not happen", what)
		}
	}
}

func TestLostFifo(t *testing.T) {
	lost := errors.New(`rpc error: code = DeadlineExceeded desc = failed to create containerd task: failed to ` +
		`create shim task: ` +
		`failed to start io pipe copy: unable to copy pipes: containerd-shim: opening w/o fifo ` +
		`"/run/c/io/1/c-stderr" failed: context deadline exceeded`)
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{lost, true},
		{errors.Join(lost), true},
		{errors.Join(lost, errors.New("left behind: state /run/rung/c")), false},
		{errors.Join(errors.New("hostname: got x"), lost), false},
		{errors.New("context deadline exceeded"), false},
	} {
		if got := lostFifo(test.err); got != test.want {
			t.Errorf("%v: %t", test.err, got)
		}
	}
}

func TestLostOutput(t *testing.T) {
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New(`output: got "", want "ran"`), true},
		{errors.New(`output: got "ran", want ""`), false},
		{errors.Join(errors.New(`capabilities: "1f" is not in ""`), errors.New(`output: "mounted\n1\n" is not in ""`)),
			true},
		{errors.Join(errors.New(`capabilities: "1f" is not in ""`), errors.New(`left behind: x`)), false},
		{errors.New(`output: "mounted" is not in "1"`), false},
	} {
		if got := lostOutput(test.err); got != test.want {
			t.Errorf("%v: %t", test.err, got)
		}
	}
}
