package bundle

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// programsEnv names the directory of programs that are built already: a machine that
// tests run in may have no Go.
const programsEnv = "RUNG_TEST_PROGRAMS"

// Programs are the programs that tests give to containers, or call.
func Programs() []string {
	return []string{"guest", "newer", "nobpf", "older", "onlooker", "tracer", "vandal"}
}

// BuildProgram builds one of the [Programs] in a directory. The working directory is in
// the repository.
func BuildProgram(dir, name string) error {
	root, err := repository()
	if err != nil {
		return err
	}
	var args []string
	switch name {
	case "guest":
		args = []string{"./tests/checkpoint/guest"}
	case "newer": // another version of rung
		args = []string{"-tags", "urfave_cli_no_docs", "-ldflags", "-X main.version=99.0.0", "."}
	case "vandal":
		args = []string{"./tests/vandal"}
	default:
		args = []string{"./tests/integration/" + name}
	}
	build := exec.Command("go", append([]string{"build", "-o", filepath.Join(dir, name)}, args...)...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w: %s", name, err, out)
	}
	return nil
}

var building sync.Mutex

// Program returns the path of one of the [Programs].
func Program(t testing.TB, name string) string {
	t.Helper()
	if dir := os.Getenv(programsEnv); dir != "" {
		return filepath.Join(dir, name)
	}
	if Scratch() == "" {
		t.Skip("needs root")
	}
	building.Lock()
	defer building.Unlock()
	dir := filepath.Join(Scratch(), "programs")
	path := filepath.Join(dir, name)
	if exists(path) {
		return path
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := BuildProgram(dir, name); err != nil {
		t.Fatal(err)
	}
	return path
}
