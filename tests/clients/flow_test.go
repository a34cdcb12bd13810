package clients

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A flow is something that people do with a client.
type flow struct {
	name    string
	run     func(*attempt)
	control string // the runtime that shows that the flow is right, crun if empty
	as      string // if set, rung is installed under this name
}

// judgeAll runs flows of a client, each as a subtest, some at the same time.
func judgeAll(t *testing.T, client string, flows []flow) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	for _, f := range flows {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			f.judge(t, client)
		})
	}
}

// judge runs the flow with rung. A control runs it, too, where rung fails or the
// control is not recorded as passing: it shows that the flow is right. Only when
// both fail is the other peer asked.
func (f flow) judge(t *testing.T, client string) {
	rung, err := rungAs(f.as)
	if err != nil {
		t.Fatal(err)
	}
	listed, err := readFlows()
	if err != nil {
		t.Fatal(err)
	}
	peers := f.peers()
	ours := f.attempt(client, rung)
	if ours.outputLost { // it came once in a thousand flows, on a busy machine
		t.Logf("tried again: %s", oneLine(ours.failure))
		ours = f.attempt(client, rung)
	}
	if ours.failure == "" && listed[client+" "+f.name] == peers[0] {
		return
	}
	reason := "rung: " + oneLine(ours.failure)
	for _, peer := range peers {
		control := f.attempt(client, subject{peer, peer})
		switch {
		case ours.failure == "" && control.failure != "":
			t.Logf("passes with rung, not with %s: %s", peer, oneLine(control.failure))
			return
		case ours.failure == "":
			t.Logf("passes with %s, too, which flows.txt can record: %s %s %s", peer, client, f.name, peer)
			return
		case control.failure == "":
			t.Fatalf("passes with %s, but with rung:\n%s", peer, ours)
		case peer == peers[len(peers)-1]:
			t.Skipf("nobody passes: %s; %s: %s", reason, peer, oneLine(control.failure))
		default:
			reason += "; " + peer + ": " + oneLine(control.failure)
		}
	}
}

// peers are the control and the other peer.
func (f flow) peers() []string {
	if f.control == "runc" {
		return []string{"runc", "crun"}
	}
	return []string{"crun", "runc"}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// An attempt is one flow with one runtime. Its methods end the flow when
// something is not as it should be, like those of [testing.T].
type attempt struct {
	*engine
	flow string
	dir  string // for the flow's files

	mu       sync.Mutex
	failure  string   // empty if it passed
	trail    []string // what was called
	names    []string // given out by name
	cleanups []func()

	outputLost bool // and that is the failure
}

// attempt tries the flow.
func (f flow) attempt(client string, runtime subject) *attempt {
	a := &attempt{flow: f.name}
	a.guard(func() {
		a.begin(client, runtime)
		f.run(a)
	})
	a.cleanUp()
	return a
}

// guard calls f, which may call fatalf.
func (a *attempt) guard(f func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() {
			if p := recover(); p != nil {
				a.fail(fmt.Sprintf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		f()
	}()
	<-ended
}

func (a *attempt) begin(client string, runtime subject) {
	e, err := engineOf(client, runtime)
	if err != nil {
		a.fatalf("starting %s with %s: %v", client, runtime.name, err)
	}
	a.engine = e
	if a.dir, err = os.MkdirTemp(e.dir, strings.ReplaceAll(a.flow, "/", "-")+"-"); err != nil {
		a.fatalf("%v", err)
	}
	if err := os.Chmod(a.dir, 0o755); err != nil {
		a.fatalf("%v", err)
	}
}

// cleanUp removes the containers that were named, and then whatever else the
// flow wants to be removed, the last thing first.
func (a *attempt) cleanUp() {
	if a.engine == nil {
		return
	}
	if err := a.engine.remove(a.names); err != nil {
		a.fail(fmt.Sprintf("removing %v: %v", a.names, err))
	}
	for _, f := range slices.Backward(a.cleanups) {
		a.guard(f)
	}
}

// cleanup calls f when the flow has ended.
func (a *attempt) cleanup(f func()) { a.cleanups = append(a.cleanups, f) }

// fatalf ends the flow: it does not pass.
func (a *attempt) fatalf(format string, args ...any) {
	a.fail(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// fail notes the first failure.
func (a *attempt) fail(failure string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failure == "" {
		a.failure = failure
	}
}

// String describes a failed attempt: why, what was called before, and the end
// of the daemon's log.
func (a *attempt) String() string {
	s := a.failure
	if len(a.trail) > 0 {
		s += "\n\ncalled:\n" + strings.Join(a.trail, "\n")
	}
	if a.engine != nil && a.engine.log != "" {
		s += "\n\nend of " + a.engine.log + ":\n" + tail(a.engine.log, 6000)
	}
	return s
}

// tail returns the last bytes of a file.
func tail(path string, size int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(data[max(len(data)-size, 0):])
}

// name returns the name of a container, or another thing that the engine
// removes in the end.
func (a *attempt) name(suffix ...string) string {
	name := strings.Join(append([]string{strings.ReplaceAll(a.flow, "/", "-")}, suffix...), "-")
	if !slices.Contains(a.names, name) {
		a.names = append(a.names, name)
	}
	return name
}

// eventually waits until a condition holds.
func (a *attempt) eventually(what string, holds func() bool) {
	for end := time.Now().Add(eventLimit); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			a.fatalf("no %s after %v", what, eventLimit)
		}
	}
}

// write makes a file in the flow's directory and returns its path.
func (a *attempt) write(name, text string, mode os.FileMode) string {
	path := a.dir + "/" + name
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		a.fatalf("%v", err)
	}
	return path
}

// mkdir makes a directory in the flow's directory and returns its path.
func (a *attempt) mkdir(name string) string {
	path := a.dir + "/" + name
	if err := os.MkdirAll(path, 0o755); err != nil {
		a.fatalf("%v", err)
	}
	return path
}

// host runs a command of the machine and returns what it prints.
func (a *attempt) host(args ...string) string {
	return strings.TrimSpace(a.call(call{command: args}).ok().stdout)
}
