// Package host looks at the machine: all that a birth depends on beside the configuration
// and the command line, as package birth wants it told.
package host

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/inherited"
	"github.com/rung-oci/rung/libcontainer/store"
)

// Look collects the facts for a container: all but the standard streams and the cgroup.
func Look(id, bundle string, s *specs.Spec) (*birth.Host, error) {
	rootfs, err := Rootfs(bundle, s)
	if err != nil {
		return nil, err
	}
	h, err := LookFor(id, s)
	if err != nil {
		return nil, err
	}
	h.Rootfs = rootfs
	if s.Linux != nil && strings.HasSuffix(s.Linux.RootfsPropagation, "shared") {
		h.RootfsMount, err = mountPoint(rootfs)
	}
	return h, err
}

// LookFor collects the facts for a process of a container that exists.
func LookFor(id string, s *specs.Spec) (*birth.Host, error) {
	h := &birth.Host{ID: id, Nofile: birth.Rlimit(inherited.Nofile())}
	if err := Inherited(h, s); err != nil {
		return nil, err
	}
	if err := readLimits(h, s.Process); err != nil {
		return nil, err
	}
	findLSMs(h, s)
	return h, readOOMScoreAdj(h, s.Process)
}

// readLimits looks what those limits are that a process is to have others of.
func readLimits(h *birth.Host, p *specs.Process) error {
	if p == nil {
		return nil
	}
	for _, r := range p.Rlimits {
		resource, err := birth.RlimitResource(r.Type)
		if err != nil {
			continue // which the compiler tells
		}
		var limit unix.Rlimit
		if err := unix.Getrlimit(resource, &limit); err != nil {
			return fmt.Errorf("getrlimit %s: %w", r.Type, err)
		}
		h.Limits[resource] = birth.Rlimit{Soft: limit.Cur, Hard: limit.Max}
	}
	return nil
}

// Streams looks what the standard streams are, which it returns, and what is to become
// of them. Those of instead replace them, but for -1.
func Streams(h *birth.Host, instead [3]int) (streams [3]store.Stream) {
	for fd := range h.Streams {
		var st unix.Stat_t
		file := fd
		if instead[fd] >= 0 {
			h.Replaced[fd], file = true, instead[fd]
		}
		if unix.Fstat(file, &st) == nil {
			h.Streams[fd] = streamUse(file, &st)
			streams[fd] = store.StreamOf(&st)
		}
	}
	return streams
}

// streamUse decides what becomes of a standard stream, for every way to start a process.
// The user gets nothing that somebody finds by a path: the owner of a file may change
// its mode, and then write what the caller had opened to be read. Nobody finds sockets
// and pipes. A FIFO is given if it was opened for writing: clients have such for output.
func streamUse(fd int, st *unix.Stat_t) birth.StreamUse {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFSOCK:
		return birth.StreamGiven
	case unix.S_IFIFO:
		if isPipe(fd) || isWritten(fd) {
			return birth.StreamGiven
		}
	case unix.S_IFCHR:
		if kernel.IsNull(st) {
			return birth.StreamNull
		}
	}
	return birth.StreamKept
}

func isWritten(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE != unix.O_RDONLY
}

func isPipe(fd int) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(fd, &st) == nil && st.Type == unix.PIPEFS_MAGIC
}

// findLSMs looks for those security modules that the config has labels for.
func findLSMs(h *birth.Host, s *specs.Spec) {
	p := s.Process
	h.AppArmor = p != nil && p.ApparmorProfile != "" && HasAppArmor()
	h.SELinux = (p != nil && p.SelinuxLabel != "" || s.Linux != nil && s.Linux.MountLabel != "") && HasSELinux()
}

// HasAppArmor reports whether AppArmor is enabled.
func HasAppArmor() bool {
	enabled, err := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	return err == nil && bytes.HasPrefix(enabled, []byte("Y"))
}

// HasSELinux reports whether SELinux is.
func HasSELinux() bool {
	_, err := os.Stat("/sys/fs/selinux/enforce")
	return err == nil
}

// Rootfs is root.path as an absolute path of an existing directory.
func Rootfs(bundle string, s *specs.Spec) (string, error) {
	p := s.Root.Path
	if !filepath.IsAbs(p) {
		p = filepath.Join(bundle, p)
	}
	real, err := filepath.EvalSymlinks(p)
	if err != nil {
		return "", fmt.Errorf("root.path: %w", err)
	}
	if st, err := os.Stat(real); err != nil || !st.IsDir() {
		return "", fmt.Errorf("root.path: %s: not a directory", p)
	}
	return real, nil
}

// Mounts are the mounts of this mount namespace, but for the root's. In their order one that
// covers others comes before these.
func Mounts() (list []birth.HostMount, err error) {
	for m, err := range kernel.Mounts("self") {
		if err != nil {
			return nil, fmt.Errorf("looking for what --no-pivot leaves mounted: %w", err)
		}
		kernelOwn := m.FSType() == "proc" || m.FSType() == "sysfs"
		if point := m.Point(); point != "/" {
			list = append(list, birth.HostMount{Point: point, Reveals: kernelOwn && m.Root() == "/"})
		}
	}
	slices.SortStableFunc(list, func(a, b birth.HostMount) int { return strings.Compare(a.Point, b.Point) })
	return list, nil
}

// mountPoint is the mount point of the mount that a path lies on.
func mountPoint(p string) (string, error) {
	best := "/"
	for m, err := range kernel.Mounts("self") {
		if err != nil {
			return "", fmt.Errorf("looking for the mount of %s: %w", p, err)
		}
		if point := m.Point(); len(point) > len(best) && kernel.Below(p, point) {
			best = point
		}
	}
	return best, nil
}
