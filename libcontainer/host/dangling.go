package host

import (
	"slices"

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
		if m.NoSymlinks || m.NoFollow&(spec.DestinationLink|spec.CopiedLink) != 0 || covered(m.Target, mounts[:i]) ||
			Exists(root, m.Target) == nil {
			continue
		}
		to, err := kernel.FollowLinks(m.Target, func(at, _ string) (string, error) {
			target, _ := kernel.ReadlinkInRoot(root, at) // what cannot be read is made, or fails, under its name
			return target, nil
		})
		if err == nil && to != "" {
			m.Target = to
		}
	}
}

// covered reports whether one of the earlier mounts hides what the image has there, and has
// none of the image's links.
func covered(target string, earlier []birth.Mount) bool {
	return slices.ContainsFunc(earlier, func(m birth.Mount) bool {
		return m.Target != target && kernel.Below(target, m.Target) && m.Kind != birth.Remount && !m.TmpCopyUp
	})
}

// Exists returns nil if a path exists in the root, and why it cannot be opened if not.
func Exists(root int, p string) error {
	fd, err := kernel.OpenInRoot(root, p, unix.O_PATH, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}
