// Package bundle makes OCI bundles and runs a runtime on them. The integration
// tests and the bench are written on it.
//
// A bundle's root filesystem is a static busybox with a link for each of its
// applets, so it takes a few milliseconds to make and needs no network.
package bundle

import (
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Make makes a bundle in dir, which may exist: rootfs and config.json.
func Make(dir string, spec *specs.Spec) error {
	if err := makeRootfs(filepath.Join(dir, "rootfs")); err != nil {
		return fmt.Errorf("making a root filesystem: %w", err)
	}
	return WriteConfig(dir, spec)
}

// WriteConfig writes the config.json of the bundle in dir.
func WriteConfig(dir string, spec *specs.Spec) error {
	data, err := json.MarshalIndent(spec, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config.json"), data, 0o644)
}

func makeRootfs(dir string) error {
	busybox, err := loadBusybox()
	if err != nil {
		return err
	}
	for _, d := range [...]string{"bin", "dev", "etc", "home/root", "mnt", "proc", "run", "sys", "tmp", "var"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(filepath.Join(dir, "tmp"), 0o777|os.ModeSticky); err != nil {
		return err
	}
	for name, content := range map[string]string{
		"passwd": "root:x:0:0:root:/home/root:/bin/sh\n" +
			"user:x:1000:1000:user:/home:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
		"group": "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, "etc", name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	bin := filepath.Join(dir, "bin")
	if err := os.WriteFile(filepath.Join(bin, "busybox"), busybox.image, 0o755); err != nil {
		return err
	}
	for _, applet := range busybox.applets {
		if applet == "busybox" {
			continue
		}
		if err := os.Symlink("busybox", filepath.Join(bin, applet)); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}

type busybox struct {
	image   []byte
	applets []string
}

// loadBusybox reads the machine's busybox once.
var loadBusybox = sync.OnceValues(func() (busybox, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return busybox{}, fmt.Errorf("%w (package busybox-static)", err)
	}
	list, err := exec.Command(path, "--list").Output()
	if err != nil {
		return busybox{}, fmt.Errorf("%s --list: %w", path, err)
	}
	image, err := os.ReadFile(path)
	return busybox{image, strings.Fields(string(list))}, err
})

// HasBusybox reports whether the machine has a busybox that runs without the
// machine's libraries.
func HasBusybox() bool {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return false
	}
	image, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer image.Close()
	for _, p := range image.Progs {
		if p.Type == elf.PT_INTERP {
			return false
		}
	}
	return true
}
