package clients

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/bundle"
)

// A subject is a runtime that clients are given.
type subject struct {
	name string // of its engines' directories
	path string
}

// rungAs returns the runtime under test, as a file of another name if one is
// given: some clients look at it.
func rungAs(name string) (subject, error) {
	rung, err := bundle.Find()
	if err != nil {
		return subject{}, err
	}
	if name == "" {
		return subject{"rung", rung.Path}, nil
	}
	link := scratch(filepath.Join("rung-as", name))
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return subject{}, err
	}
	if err := os.Symlink(rung.Path, link); err != nil && !errors.Is(err, os.ErrExist) {
		return subject{}, err
	}
	return subject{"rung-as-" + name, link}, nil
}

// An engine is a client that drives one runtime, with its own storage and the
// image loaded.
type engine struct {
	client  string
	runtime subject
	dir     string
	base    []string // the command that the client's arguments are added to
	env     []string
	log     string // of its daemon

	// remove removes containers, running or not, by name; those that do not
	// exist are none of its concern.
	remove func(names []string) error

	stop func() // ends the daemon, if it has one
}

func (e *engine) command(args ...string) []string { return slices.Concat(e.base, args) }

// run runs the client for the engine itself.
func (e *engine) run(args ...string) error {
	_, err := e.output(args...)
	return err
}

// output runs the client for the engine itself and returns what it prints.
func (e *engine) output(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	defer cancel()
	all := e.command(args...)
	cmd := exec.CommandContext(ctx, all[0], all[1:]...)
	cmd.WaitDelay = time.Second
	cmd.Env = append(os.Environ(), e.env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %v: %w: %s", e.client, args, err, out)
	}
	return string(out), err
}

// engines are started when the first flow needs them.
var engines struct {
	sync.Mutex
	start map[string]func() (*engine, error)
}

func engineOf(client string, runtime subject) (*engine, error) {
	key := client + "-" + runtime.name
	engines.Lock()
	start := engines.start[key]
	if start == nil {
		start = sync.OnceValues(func() (*engine, error) { return startEngine(client, runtime, scratch(key)) })
		if engines.start == nil {
			engines.start = map[string]func() (*engine, error){}
		}
		engines.start[key] = start
	}
	engines.Unlock()
	return start()
}

func startEngine(client string, runtime subject, dir string) (*engine, error) {
	path, err := exec.LookPath(runtime.path)
	if err != nil {
		return nil, err
	}
	runtime.path = path
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	switch client {
	case "podman":
		return startPodman(runtime, dir)
	case "ctr":
		return startContainerd(runtime, dir)
	case "docker":
		return startDocker(runtime, dir)
	}
	return nil, fmt.Errorf("no client %q", client)
}

// stopEngines ends the daemons of all engines.
func stopEngines() {
	for _, start := range engines.start {
		if e, err := start(); err == nil && e.stop != nil {
			e.stop()
		}
	}
}

// startDaemon starts a program that runs until stop is called. What it prints
// goes to a log. It is ready when ready gives no error.
func startDaemon(log string, env []string, ready func() error, args ...string) (stop func(), err error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	stop = func() {
		cmd.Process.Signal(unix.SIGTERM)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := ready()
		if err == nil {
			return stop, nil
		}
		select {
		case <-ended:
			return nil, fmt.Errorf("%s ended: %s", args[0], tail(log, 2000))
		default:
		}
		if time.Now().After(end) {
			stop()
			return nil, fmt.Errorf("%s: not ready: %w: %s", args[0], err, tail(log, 2000))
		}
	}
}
