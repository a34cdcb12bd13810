package hooks

import (
	"fmt"
	"math"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// InHost starts a hook in the namespaces, the cgroup and the working
// directory of this process, with the hook's environment and nothing else. As
// a side effect all descriptors of this process above 2 become close-on-exec:
// some may have been inherited without.
func InHost(h specs.Hook, stdin, output int) (int, error) {
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return 0, fmt.Errorf("close_range: %w", err)
	}
	args := h.Args
	if len(args) == 0 {
		args = []string{h.Path}
	}
	pid, err := syscall.ForkExec(h.Path, args, &syscall.ProcAttr{
		Env:   h.Env,
		Files: []uintptr{uintptr(stdin), uintptr(output), uintptr(output)},
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return 0, fmt.Errorf("executing it: %w", err)
	}
	return pid, nil
}
