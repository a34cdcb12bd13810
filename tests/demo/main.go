// Command demo runs a container with bin/rung and lets it show itself: its
// process 1, host name, mounts and cgroups. The container's files are a static
// busybox, or, on a machine without one, the machine's own, bound read-only.
// Everything is removed afterwards.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/rung-oci/rung/tests/bundle"
)

// Only what every shell has built in.
const show = `
echo "pid 1:    $$, $0"
while read -r name; do echo "hostname: $name"; done </proc/sys/kernel/hostname
echo "mounts:"
while read -r _ _ _ _ point options _; do echo "  $point ($options)"; done </proc/self/mountinfo
echo "cgroups:"
while read -r line; do echo "  $line"; done </proc/self/cgroup
`

func main() {
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "demo: making a container needs root")
		os.Exit(1)
	}
	os.Exit(bundle.Isolated("rung-demo", func() int {
		if err := demo(); err != nil {
			fmt.Fprintln(os.Stderr, "demo:", err)
			return 1
		}
		return 0
	}))
}

func demo() error {
	runtime, err := bundle.Find()
	if err != nil {
		return err
	}
	dir := filepath.Join(bundle.Scratch(), "bundle")
	spec := bundle.Spec(bundle.Args("sh", "-c", show, "sh"), func(s *specs.Spec) {
		s.Version = specs.Version
		s.Hostname = "rung-demo"
		s.Linux.CgroupsPath = filepath.Join(bundle.CgroupParent(), "demo")
	})
	if bundle.HasBusybox() {
		fmt.Println("a container of busybox:")
		err = bundle.Make(dir, spec)
	} else {
		fmt.Println("a container of this machine's own files, read-only (no static busybox here):")
		err = makeFromHost(dir, spec)
	}
	if err != nil {
		return err
	}
	cmd := runtime.Command(filepath.Join(bundle.Scratch(), "state"), "run", "--bundle", dir, "demo")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	fmt.Println("$", strings.Join(cmd.Args, " "))
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(cmd.Path), err)
	}
	return nil
}

// makeFromHost makes a bundle whose programs and libraries are the machine's:
// directories are bound, links (bin -> usr/bin) copied.
func makeFromHost(dir string, spec *specs.Spec) error {
	rootfs := filepath.Join(dir, "rootfs")
	for _, d := range [...]string{"dev", "proc", "sys", "tmp"} {
		if err := os.MkdirAll(filepath.Join(rootfs, d), 0o755); err != nil {
			return err
		}
	}
	spec.Process.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	system, err := filepath.Glob("/lib*")
	if err != nil {
		return err
	}
	for _, path := range append(system, "/bin", "/sbin", "/usr") {
		info, err := os.Lstat(path)
		switch {
		case err != nil: // not every machine has each of them
		case info.Mode()&os.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			if err := os.Symlink(target, filepath.Join(rootfs, path)); err != nil {
				return err
			}
		case info.IsDir():
			if err := os.Mkdir(filepath.Join(rootfs, path), 0o755); err != nil {
				return err
			}
			bundle.Mount(specs.Mount{Destination: path, Type: "bind", Source: path,
				Options: []string{"rbind", "ro"}})(spec)
		}
	}
	return bundle.WriteConfig(dir, spec)
}
