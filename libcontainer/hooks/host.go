package hooks

import (
	"fmt"
	"math"
	"os"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// InHost starts a hook in the namespaces and the cgroup of this process and in
// the directory dir, with the hook's environment and nothing else. As a side
// effect all descriptors of this process above 2 become close-on-exec: some may
// have been inherited without.
func InHost(h specs.Hook, dir string, stdin, output int) (int, error) {
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return 0, fmt.Errorf("close_range: %w", err)
	}
	if _, err := os.Stat(dir); err != nil { // a bundle may be gone before its container is deleted
		dir = "/"
	}
	args := h.Args
	if len(args) == 0 {
		args = []string{h.Path}
	}
	pid, err := syscall.ForkExec(h.Path, args, &syscall.ProcAttr{
		Dir:   dir,
		Env:   h.Env,
		Files: []uintptr{uintptr(stdin), uintptr(output), uintptr(output)},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	return pid, kernel.Failed("executing it", err)
}
