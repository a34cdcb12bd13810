package cri

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// binDir is where the programs are, relative to the tests' directory.
const binDir = "../../../bin/cri"

// buildPrograms builds the tools that go.mod names, and pause. The Go tool leaves
// alone what is up to date.
func buildPrograms() error {
	// The snapshotters and tracing are only more to compile.
	const tags = "no_btrfs no_devmapper no_zfs no_tracing no_systemd urfave_cli_no_docs"
	for _, pkg := range []string{"tool", "./pause"} {
		cmd := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-s -w", "-tags="+tags, "-o", binDir+"/", pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
		}
	}
	return nil
}

// program returns the path of a program that was built.
func program(name string) string {
	path, err := filepath.Abs(filepath.Join(binDir, name))
	if err != nil {
		panic(err) // there is no working directory
	}
	return path
}

// rungPath is the runtime under test: the one that RUNG names, or bin/rung.
func rungPath() (string, error) {
	if name := os.Getenv("RUNG"); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("RUNG=%s: %w", name, err)
		}
		return filepath.Abs(path)
	}
	path, err := filepath.Abs("../../../bin/rung")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("no runtime to test, run “make” first: %w", err)
	}
	return path, nil
}
