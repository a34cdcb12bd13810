package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

const suite = "github.com/opencontainers/runtime-tools"

// build compiles the suite's programs and the static runtimetest into dir,
// puts the suite's root filesystem beside them, and returns the programs'
// names. The Go tool leaves alone what is up to date.
func build(dir string) ([]string, error) {
	root, err := goTool("list", "-m", "-f", "{{.Dir}}", suite)
	if err != nil {
		return nil, err
	}
	if root == "" { // the module is pinned, but not downloaded yet
		if _, err := goTool("mod", "download", suite); err != nil {
			return nil, err
		}
		if root, err = goTool("list", "-m", "-f", "{{.Dir}}", suite); err != nil {
			return nil, err
		}
	}
	rootfs := "rootfs-" + runtime.GOARCH + ".tar.gz"
	if err := copyFile(filepath.Join(root, rootfs), filepath.Join(dir, rootfs), 0o644); err != nil {
		return nil, fmt.Errorf("the suite's root filesystem: %w", err)
	}

	list, err := goTool("list", "-f", `{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, suite+"/validation/...")
	if err != nil {
		return nil, err
	}
	packages := strings.Fields(list)
	args := append([]string{"build", "-ldflags=-s -w", "-o", dir + string(filepath.Separator),
		suite + "/cmd/runtimetest"}, packages...)
	if _, err := goTool(args...); err != nil {
		return nil, err
	}
	names := make([]string, len(packages))
	for i, p := range packages {
		names[i] = filepath.Base(p)
	}
	slices.Sort(names)
	return names, nil
}

// goTool runs the Go tool without cgo, since runtimetest runs inside
// containers that have no libc of ours.
func goTool(args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}

func copyFile(from, to string, mode os.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, mode)
}
