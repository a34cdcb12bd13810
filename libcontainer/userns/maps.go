package userns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// A Map is one of the two of a user namespace.
type Map struct {
	File   string // below /proc/PID: uid_map or gid_map
	Helper string // newuidmap(1) or newgidmap(1), which write ranges of subuid(5) or subgid(5) for users
	Own    int    // this process's id
}

// Users is the map of users, Groups that of groups.
func Users() Map  { return Map{"uid_map", "newuidmap", os.Geteuid()} }
func Groups() Map { return Map{"gid_map", "newgidmap", os.Getegid()} }

// A HelperError is the failure of a program that is to write a map which this user may not write.
type HelperError struct {
	Program string // newuidmap or newgidmap
	Output  string
	Err     error // exec.ErrNotFound, wrapped, if there is no such program
}

func (e *HelperError) Error() string {
	if errors.Is(e.Err, exec.ErrNotFound) { // whose words clients take for the container's program
		return fmt.Sprintf("this user may not write the map, and %s, which could, is not installed", e.Program)
	}
	text := fmt.Sprintf("this user may not write the map, and %s cannot do it: %v", e.Program, e.Err)
	if e.Output != "" {
		text += ": " + e.Output
	}
	return text
}

func (e *HelperError) Unwrap() error { return e.Err }

// Write writes the map of the user namespace that a process is in. The kernel takes one in one
// write(2), and only once. Root may map what it has; any user itself alone, as one range of
// one id, groups only where nobody can set groups any more; for all else there are the
// helpers.
func (m Map) Write(pid int, mappings []specs.LinuxIDMapping) error {
	err := m.write(pid, mappings)
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	if m.IsOwn(mappings) {
		if m.File == "gid_map" {
			if err := writeFile(pid, "setgroups", "deny"); err != nil {
				return err
			}
		}
		return m.write(pid, mappings)
	}
	return m.help(pid, mappings)
}

// IsOwn reports whether the mappings are of this process's id alone.
func (m Map) IsOwn(mappings []specs.LinuxIDMapping) bool {
	return len(mappings) == 1 && mappings[0].Size == 1 && mappings[0].HostID == uint32(m.Own)
}

func (m Map) write(pid int, mappings []specs.LinuxIDMapping) error {
	var text []byte
	for _, r := range mappings {
		text = fmt.Appendf(text, "%d %d %d\n", r.ContainerID, r.HostID, r.Size)
	}
	return writeFile(pid, m.File, string(text))
}

func writeFile(pid int, file, text string) error {
	path := fmt.Sprintf("/proc/%d/%s", pid, file)
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(text))
	return kernel.Failed(fmt.Sprintf("%s: writing %q", path, text), err)
}

// help has the helper write the map: it gets nothing but numbers.
func (m Map) help(pid int, mappings []specs.LinuxIDMapping) error {
	args := []string{strconv.Itoa(pid)}
	for _, r := range mappings {
		for _, n := range [...]uint32{r.ContainerID, r.HostID, r.Size} {
			args = append(args, strconv.FormatUint(uint64(n), 10))
		}
	}
	helper := exec.Command(m.Helper, args...)
	helper.Dir = "/"
	out, err := helper.CombinedOutput()
	if err != nil {
		return &HelperError{m.Helper, strings.TrimSpace(string(out)), err}
	}
	return nil
}
