package host

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/spec"
)

// FollowDangling changes targets that go through a symlink of the image whose end
// does not exist, such as /var/run → /run without /run, to what the link means: no
// directory can be made through such a link. Whoever makes it still resolves that path
// safely, so a wrong answer here (the image changes, or a mount comes to lie there)
// does no harm. Nor does it to give up on a path that goes through more components than
// any real one does.
func FollowDangling(rootfs string, mounts []birth.Mount) {
	root, err := unix.Open(rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return // which the program will tell
	}
	defer unix.Close(root)
	for i := range mounts {
		m := &mounts[i]
		if m.NoSymlinks || m.NoFollow&(spec.DestinationLink|spec.CopiedLink) != 0 || Exists(root, m.Target) == nil {
			continue
		}
		if to := resolveLinks(root, m.Target); to != "/" {
			m.Target = to
		}
	}
}

// Exists returns nil if a path exists in the root, and why it cannot be opened if not.
func Exists(root int, p string) error {
	fd, err := kernel.OpenInRoot(root, p, unix.O_PATH, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// maxParts is how many components of a path are looked up. The 40 symlinks that the kernel
// follows could have 80,000, each looked up from the root again: seconds for each mount.
const maxParts = 256

// resolveLinks follows the symlinks of a path in the root as text.
func resolveLinks(root int, p string) string {
	rest := strings.Split(p, "/")
	done := "/"
	for links, parts := 0, 0; len(rest) > 0; parts++ {
		if parts > maxParts {
			return p
		}
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
