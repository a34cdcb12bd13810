package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Runtime is a runtime's executable with the global flags it is called with.
type Runtime struct {
	Path  string
	Flags []string
}

// Find returns the runtime under test: the one that the environment variable
// RUNG names, or else bin/rung of this repository. RUNG_FLAGS adds global
// flags, separated by spaces.
func Find() (Runtime, error) {
	flags := strings.Fields(os.Getenv("RUNG_FLAGS"))
	if name := os.Getenv("RUNG"); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return Runtime{}, fmt.Errorf("RUNG=%s: %w", name, err)
		}
		path, err = filepath.Abs(path)
		return Runtime{path, flags}, err
	}
	root, err := repository()
	if err != nil {
		return Runtime{}, err
	}
	path := filepath.Join(root, "bin", "rung")
	if _, err := os.Stat(path); err != nil {
		return Runtime{}, fmt.Errorf("no runtime to test, run “make” first: %w", err)
	}
	return Runtime{path, flags}, nil
}

// repository returns the root of this repository, found upwards from the
// working directory.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module github.com/rung-oci/rung\n")) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("the working directory is not in rung's repository")
		}
		dir = parent
	}
}

// Command returns the command that calls the runtime with a state directory
// and arguments.
func (r Runtime) Command(root string, args ...string) *exec.Cmd {
	all := append([]string{"--root", root}, r.Flags...)
	cmd := exec.Command(r.Path, append(all, args...)...)
	cmd.WaitDelay = commandLimit // a container that lives on may hold a pipe of the test's
	return cmd
}
