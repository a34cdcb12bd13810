package libcontainer

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/capabilities"
	"github.com/rung-oci/rung/libcontainer/inherited"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/libcontainer/signals"
	"github.com/rung-oci/rung/libcontainer/store"
)

// lookAtHost collects the facts for a config.
func lookAtHost(id, bundle string, s *specs.Spec, mounts []birth.Mount, m cgroups.Manager) (*birth.Host, error) {
	host := &birth.Host{ID: id, Nofile: birth.Rlimit(inherited.Nofile()), CgroupFiles: m.EntryFiles()}
	var err error
	if host.Rootfs, err = rootfsPath(bundle, s); err != nil {
		return nil, err
	}
	if err := readOwn(host); err != nil {
		return nil, err
	}
	if err := readLimits(host, s.Process); err != nil {
		return nil, err
	}
	findLSMs(host, s)
	if s.Linux != nil && strings.HasSuffix(s.Linux.RootfsPropagation, "shared") {
		if host.RootfsMount, err = mountPoint(host.Rootfs); err != nil {
			return nil, err
		}
	}
	host.Hierarchies, err = shownCgroups(mounts, m)
	return host, err
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

// readStreams looks what the standard streams are, which it returns, and which of them may be
// given to the user. Those of instead replace them, but for -1.
func readStreams(h *birth.Host, instead [3]int) (streams [3]store.Stream) {
	for fd := range h.OwnStreams {
		var st unix.Stat_t
		file := fd
		if instead[fd] >= 0 {
			h.Replaced[fd], file = true, instead[fd]
		}
		if unix.Fstat(file, &st) == nil {
			kind := st.Mode & unix.S_IFMT
			h.OwnStreams[fd] = kind == unix.S_IFIFO || kind == unix.S_IFREG || kind == unix.S_IFSOCK
			h.InputFiles[fd] = kind == unix.S_IFREG && onlyRead(file)
			streams[fd] = streamOf(&st)
		}
	}
	return streams
}

func onlyRead(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_ACCMODE == unix.O_RDONLY
}

// findLSMs looks for those security modules that the config has labels for.
func findLSMs(h *birth.Host, s *specs.Spec) {
	p := s.Process
	h.AppArmor = p != nil && p.ApparmorProfile != "" && hasAppArmor()
	h.SELinux = (p != nil && p.SelinuxLabel != "" || s.Linux != nil && s.Linux.MountLabel != "") && hasSELinux()
}

func hasAppArmor() bool {
	enabled, err := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	return err == nil && bytes.HasPrefix(enabled, []byte("Y"))
}

func hasSELinux() bool {
	_, err := os.Stat("/sys/fs/selinux/enforce")
	return err == nil
}

// rootfsPath is root.path as an absolute path of an existing directory.
func rootfsPath(bundle string, s *specs.Spec) (string, error) {
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

// readOwn looks what the process would inherit of this one: ignored signals, and the
// capabilities that there are to give.
func readOwn(h *birth.Host) error {
	own, err := process.ReadOwn()
	if err != nil {
		return err
	}
	for s := range signals.Max {
		if own.Ignored>>s&1 != 0 {
			h.IgnoredSignals = append(h.IgnoredSignals, s+1)
		}
	}
	h.Bounding = own.Bounding
	h.LastCap, err = capabilities.Last()
	return err
}

// mountPoint is the mount point of the mount that a path lies on.
func mountPoint(p string) (string, error) {
	best := "/"
	for m, err := range kernel.Mounts("self") {
		if err != nil {
			return "", fmt.Errorf("looking for the mount of %s: %w", p, err)
		}
		if point := m.Point(); len(point) > len(best) && isBelow(p, point) {
			best = point
		}
	}
	return best, nil
}

// followDangling changes targets that go through a symlink of the image whose end
// does not exist, such as /var/run → /run without /run, to what the link means: no
// directory can be made through such a link. Whoever makes it still resolves that path
// safely, so a wrong answer here (the image changes, or a mount comes to lie there)
// does no harm.
func followDangling(rootfs string, mounts []birth.Mount) {
	root, err := unix.Open(rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return // which the program will tell
	}
	defer unix.Close(root)
	for i := range mounts {
		m := &mounts[i]
		if m.NoSymlinks || openIn(root, m.Target) == nil {
			continue
		}
		if to := resolveLinks(root, m.Target); to != "/" {
			m.Target = to
		}
	}
}

// openIn tells whether a path exists in the root.
func openIn(root int, p string) error {
	fd, err := kernel.OpenInRoot(root, p, unix.O_PATH, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// resolveLinks follows the symlinks of a path in the root as text.
func resolveLinks(root int, p string) string {
	rest := strings.Split(p, "/")
	done := "/"
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		next := path.Join(done, part)
		target, err := readLinkIn(root, next)
		if err != nil {
			done = next
			continue
		}
		if links++; links > 40 {
			return p
		}
		rest = append(strings.Split(target, "/"), rest...)
		if path.IsAbs(target) {
			done = "/"
		}
	}
	return done
}

func readLinkIn(root int, p string) (string, error) {
	fd, err := kernel.OpenInRoot(root, p, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}
