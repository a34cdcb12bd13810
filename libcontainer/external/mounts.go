// Package external is about what a container has of the host, which is not in the images
// of a checkpoint: mounts, namespaces, and the other ends of its standard streams. CRIU
// leaves it out under a key, and gets it back under the same key. Both ways the key of a
// mount is its destination in the config.
package external

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/notify"
	"github.com/rung-oci/rung/libcontainer/store"
)

// A Mount is a mount of the container whose source is on the host.
type Mount struct {
	key       string // the destination as the config has it
	target    string // the destination
	source    string // absolute path on the host
	recursive bool   // with what is mounted below the source
}

// Mounts are a container's mounts from the host: in the order of the config,
// then what the runtime adds. Masked paths that are directories are hidden by a
// filesystem that is the container's own; as keys that nobody asks for they do no harm.
func Mounts(s *specs.Spec, mounts []birth.Mount, groups []birth.Hierarchy, dir *store.Dir,
) ([]Mount, error) {
	var list []Mount
	for _, m := range mounts {
		switch m.Kind {
		case birth.BindMount:
			list = append(list, Mount{m.Destination, m.Target, m.Source, m.Rbind})
		case birth.CgroupMount:
			for _, h := range groups {
				key, target := path.Join(m.Destination, h.Name), path.Join(m.Target, h.Name)
				list = append(list, Mount{key, target, h.Dir, false})
			}
		}
	}
	devices, err := birth.Devices(s, mounts)
	for _, d := range devices {
		if d.Bound {
			list = append(list, Mount{d.Path, d.Target, d.Path, false})
		}
	}
	for _, p := range s.Linux.MaskedPaths {
		list = append(list, Mount{p, p, os.DevNull, false})
	}
	return append(list, Mount{notify.Dir, notify.Dir, filepath.Join(dir.Path(), store.NotifyName), false}), err
}

// DumpMounts lists the container's mounts from the host for a dump. CRIU knows
// a mount by where it is in the container: the destination with the symlinks of
// the image resolved. root is a descriptor of the container's root.
func DumpMounts(root int, mounts []Mount, mountpoints []string) []string {
	keys := map[string]string{} // by mount point
	var trees []string          // mount points with others below that are not the container's
	for _, m := range mounts {
		at, isDir, err := resolvedIn(root, m.target)
		if err != nil || !slices.Contains(mountpoints, at) || m.source == os.DevNull && isDir {
			continue
		}
		keys[at] = m.key
		if m.recursive {
			trees = append(trees, at)
		}
	}
	for _, tree := range trees {
		for _, at := range mountpoints {
			if _, ok := keys[at]; !ok && kernel.Below(at, tree) {
				keys[at] = path.Join(keys[tree], strings.TrimPrefix(at, tree))
			}
		}
	}
	var list []string
	for _, at := range slices.Sorted(maps.Keys(keys)) {
		list = append(list, "mnt["+at+"]:"+keys[at])
	}
	return list
}

// RestoreMounts is the counterpart of [DumpMounts]. mountpoints are the host's.
func RestoreMounts(mounts []Mount, mountpoints []string) []string {
	var list []string
	seen := map[string]bool{}
	add := func(key, source string) {
		if !seen[key] {
			list = append(list, "mnt["+key+"]:"+source)
		}
		seen[key] = true
	}
	for _, m := range mounts {
		add(m.key, m.source)
	}
	for _, m := range mounts {
		for _, at := range mountpoints {
			if m.recursive && at != m.source && kernel.Below(at, m.source) {
				add(path.Join(m.key, strings.TrimPrefix(at, m.source)), at)
			}
		}
	}
	return list
}

// resolvedIn is where a path of the container leads to, seen from its root, and whether
// a directory is there.
func resolvedIn(root int, p string) (at string, isDir bool, err error) {
	fd, err := kernel.OpenInRoot(root, p, unix.O_PATH, 0)
	if err != nil {
		return "", false, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", false, err
	}
	at, err = os.Readlink(kernel.ProcPath(fd))
	return at, st.Mode&unix.S_IFMT == unix.S_IFDIR, err
}

// Mountpoints are the mount points of a process, seen from its root: a pid or
// "self".
func Mountpoints(process string) (points []string, err error) {
	for m, err := range kernel.Mounts(process) {
		if err != nil {
			return nil, err
		}
		points = append(points, m.Point())
	}
	return points, nil
}
