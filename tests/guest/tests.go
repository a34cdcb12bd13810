package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rung-oci/rung/tests/bundle"
)

// bin is where test programs are compiled to; what runs in the guest is compiled here.
const bin = "bin/guest"

// runTests runs a package's tests in one boot.
func runTests(ctx context.Context, m *machine, f form, o options, pkg string) (status int, err error) {
	if err := build(ctx, pkg); err != nil {
		return 1, err
	}
	script := f.command(filepath.Join("/rung", pkg), environment(), testCall(o, pkg))
	if !o.json {
		return m.run(ctx, script, os.Stdout)
	}
	return asJSON(ctx, pkg, func(w io.Writer) (int, error) { return m.run(ctx, script, w) })
}

// environment is what the tests need to know of where their programs are.
func environment() []string {
	env := []string{"RUNG_TEST_PROGRAMS=/rung/" + bin, "RUNG=/rung/bin/rung"}
	if runtime := os.Getenv("RUNG"); runtime != "" {
		env[1] = "RUNG=" + runtime
	}
	return env
}

func testCall(o options, pkg string) []string {
	call := []string{"/rung/" + testProgram(pkg), "-test.count=" + strconv.Itoa(o.count),
		"-test.timeout=" + o.limit.String()}
	if o.json {
		call = append(call, "-test.v=test2json")
	} else if o.verb {
		call = append(call, "-test.v")
	}
	if o.short {
		call = append(call, "-test.short")
	}
	if o.run != "" {
		call = append(call, "-test.run="+o.run)
	}
	if o.skip != "" {
		call = append(call, "-test.skip="+o.skip)
	}
	return call
}

func testProgram(pkg string) string { return filepath.Join(bin, filepath.Base(pkg)+".test") }

// build builds rung, the package's tests, and the programs that tests want.
func build(ctx context.Context, pkg string) error {
	for _, call := range [][]string{
		{"make", "--no-print-directory", "-s", "bin/rung"},
		{"go", "test", "-c", "-o", testProgram(pkg), pkg},
	} {
		cmd := exec.CommandContext(ctx, call[0], call[1:]...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(call, " "), err)
		}
	}
	dir, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	for _, name := range bundle.Programs() {
		if err := bundle.BuildProgram(dir, name); err != nil {
			return err
		}
	}
	return nil
}

// asJSON prints what run writes, which is a test program's output, as events.
func asJSON(ctx context.Context, p string, run func(io.Writer) (int, error)) (status int, err error) {
	convert := exec.CommandContext(ctx, "go", "tool", "test2json", "-t", "-p", p)
	convert.Stdout, convert.Stderr = os.Stdout, os.Stderr
	in, err := convert.StdinPipe()
	if err != nil {
		return 0, err
	}
	if err := convert.Start(); err != nil {
		return 0, err
	}
	status, err = run(in)
	return status, errors.Join(err, in.Close(), convert.Wait())
}
