package clients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// A client's command that takes longer than callLimit hangs, and what does not happen
// within eventLimit never will. Both are long on a busy machine's account.
const (
	callLimit  = 90 * time.Second
	eventLimit = 45 * time.Second
)

// A call is a command and what it is given.
type call struct {
	command []string
	env     []string // more of it
	stdin   io.Reader
	files   []*os.File // descriptors from 3 on

	started chan<- *os.Process // if not nil, is sent the process
}

// A result is what a call gave.
type result struct {
	a              *attempt
	command        string
	code           int // 128 and the signal's number when killed
	stdout, stderr string
}

// do calls the client and waits for its end.
func (a *attempt) do(args ...string) result { return a.call(call{command: a.command(args...)}) }

// feed calls the client with a text on standard input.
func (a *attempt) feed(text string, args ...string) result {
	return a.call(call{command: a.command(args...), stdin: strings.NewReader(text)})
}

// A process is a call that has not ended yet.
type process struct {
	started chan *os.Process
	ended   chan result
}

// start calls the client without waiting for its end.
func (a *attempt) start(args ...string) *process {
	p := &process{started: make(chan *os.Process, 1), ended: make(chan result, 1)}
	go func() { p.ended <- a.call(call{command: a.command(args...), started: p.started}) }()
	return p
}

// signal sends the process a signal.
func (p *process) signal(s os.Signal) { (<-p.started).Signal(s) }

// wait waits for the end.
func (p *process) wait() result { return <-p.ended }

// call runs a command to its end. It does not look at the exit status.
func (a *attempt) call(c call) result {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.command[0], c.command[1:]...)
	cmd.Env = append(os.Environ(), append(a.env, c.env...)...)
	cmd.Dir = a.dir
	cmd.WaitDelay = time.Second // a container may keep the pipes
	cmd.Stdin, cmd.ExtraFiles = c.stdin, c.files
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	started := time.Now()
	err := cmd.Start()
	if err == nil {
		if c.started != nil {
			c.started <- cmd.Process
		}
		err = cmd.Wait()
	}
	r := result{a: a, command: strings.Join(c.command, " "), stdout: stdout.String(), stderr: stderr.String()}
	if cmd.ProcessState != nil {
		r.code = exitCode(cmd.ProcessState)
	}
	a.note(r, time.Since(started))
	if ctx.Err() != nil {
		a.fail(fmt.Sprintf("%s: no end after %v", r.command, callLimit))
	} else if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		a.fail(fmt.Sprintf("%s: %v", r.command, err))
	}
	return r
}

func exitCode(state *os.ProcessState) int {
	if status := state.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// note keeps what was called, for the message of a failure.
func (a *attempt) note(r result, took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	command := r.command
	if a.engine != nil {
		command = strings.Replace(command, strings.Join(a.engine.base, " "), a.engine.client, 1)
	}
	line := fmt.Sprintf("  $ %s   # %d, %.2f s", command, r.code, took.Seconds())
	for _, out := range [...]string{r.stdout, r.stderr} {
		if out = strings.TrimSpace(out); len(out) > 1500 {
			out = out[:1500] + " …"
		}
		if out != "" {
			line += "\n    " + strings.ReplaceAll(out, "\n", "\n    ")
		}
	}
	a.trail = append(a.trail, line)
}

// ok requires the exit status 0.
func (r result) ok() result { return r.exits(0) }

// exits requires an exit status.
func (r result) exits(code int) result {
	if r.code != code {
		r.a.fatalf("%s: exit status %d, want %d\nstdout: %s\nstderr: %s", r.command, r.code, code, r.stdout, r.stderr)
	}
	return r
}

// fails requires an exit status that is not 0, and that stderr has the parts.
func (r result) fails(parts ...string) result {
	if r.code == 0 {
		r.a.fatalf("%s: succeeded\nstdout: %s", r.command, r.stdout)
	}
	for _, part := range parts {
		if !strings.Contains(r.stderr, part) {
			r.a.fatalf("%s: stderr lacks %q: %s", r.command, part, r.stderr)
		}
	}
	return r
}

// prints requires what stdout says, spaces around it left aside.
func (r result) prints(want string) result {
	if got := strings.TrimSpace(r.stdout); got != want {
		r.a.outputLost = r.mayBeLost()
		r.a.fatalf("%s: printed %q, want %q\nstderr: %s", r.command, got, want, r.stderr)
	}
	return r
}

// has requires parts of stdout.
func (r result) has(parts ...string) result {
	for _, part := range parts {
		if !strings.Contains(r.stdout, part) {
			r.a.outputLost = r.mayBeLost()
			r.a.fatalf("%s: stdout lacks %q: %s\nstderr: %s", r.command, part, r.stdout, r.stderr)
		}
	}
	return r
}

// mayBeLost reports whether there is no output where ctr may be to blame: when the process
// has ended it gives up reading (https://github.com/containerd/containerd/pull/13931).
func (r result) mayBeLost() bool {
	return r.a.engine != nil && r.a.client == "ctr" && r.code == 0 && r.stdout == ""
}

// lacks requires that something is not in stdout.
func (r result) lacks(parts ...string) result {
	for _, part := range parts {
		if strings.Contains(r.stdout, part) {
			r.a.fatalf("%s: stdout has %q: %s", r.command, part, r.stdout)
		}
	}
	return r
}

// text is stdout without the spaces around it.
func (r result) text() string { return strings.TrimSpace(r.stdout) }
