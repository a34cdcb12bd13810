package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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
	"github.com/rung-oci/rung/libcontainer/criu"
	"github.com/rung-oci/rung/libcontainer/notify"
	"github.com/rung-oci/rung/libcontainer/store"
)

// What a container has of the host is not in the images of a checkpoint: mounts,
// namespaces, and the other ends of its standard streams. CRIU leaves it out under
// a key, and gets it back under the same key. Both ways the key of a mount is its
// destination in the config.

// externalMount is a mount of the container whose source is on the host.
type externalMount struct {
	key       string // the destination as the config has it
	target    string // the destination
	source    string // absolute path on the host
	recursive bool   // with what is mounted below the source
}

// externalMounts are a container's mounts from the host: in the order of the config,
// then what the runtime adds. Masked paths that are directories are hidden by a
// filesystem that is the container's own; as keys that nobody asks for they do no harm.
func externalMounts(s *specs.Spec, mounts []birth.Mount, groups []birth.Hierarchy, dir *store.Dir,
) ([]externalMount, error) {
	var list []externalMount
	for _, m := range mounts {
		switch m.Kind {
		case birth.BindMount:
			list = append(list, externalMount{m.Destination, m.Target, m.Source, m.Rbind})
		case birth.CgroupMount:
			for _, h := range groups {
				key, target := path.Join(m.Destination, h.Name), path.Join(m.Target, h.Name)
				list = append(list, externalMount{key, target, h.Dir, false})
			}
		}
	}
	devices, err := birth.Devices(s, mounts)
	for _, d := range devices {
		if d.Bound {
			list = append(list, externalMount{d.Path, d.Target, d.Path, false})
		}
	}
	for _, p := range s.Linux.MaskedPaths {
		list = append(list, externalMount{p, p, os.DevNull, false})
	}
	return append(list, externalMount{notify.Dir, notify.Dir, filepath.Join(dir.Path(), store.NotifyName), false}), err
}

// dumpExternal lists the container's mounts from the host for a dump. CRIU knows
// a mount by where it is in the container: the destination with the symlinks of
// the image resolved. root is a descriptor of the container's root.
func dumpExternal(root int, mounts []externalMount, mountpoints []string) []string {
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

// restoreExternal is the counterpart of [dumpExternal]. mountpoints are the host's.
func restoreExternal(mounts []externalMount, mountpoints []string) []string {
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

// mountpointsOf are the mount points of a process, seen from its root: a pid or
// "self".
func mountpointsOf(process string) (points []string, err error) {
	for m, err := range kernel.Mounts(process) {
		if err != nil {
			return nil, err
		}
		points = append(points, m.Point())
	}
	return points, nil
}

// streamsName is the file among the images that has the keys of the standard
// streams, a JSON array of three strings. Other runtimes have the same.
const streamsName = "descriptors.json"

// dumpStreams finds out which standard streams of the first process are still
// those that it was created with and lead out of the container. It returns the
// external files for CRIU, and the keys by which restore gives it others.
func (c *container) dumpStreams() (external, keys []string, err error) {
	pid := c.record.Init.Pid
	keys = make([]string, len(c.record.Streams))
	for fd, created := range c.record.Streams {
		var st unix.Stat_t
		link := fmt.Sprintf("/proc/%d/fd/%d", pid, fd)
		if err := unix.Stat(link, &st); err != nil || created != store.StreamOf(&st) {
			continue // closed, or the process's own doing
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFIFO:
			if name, err := os.Readlink(link); err == nil && strings.HasPrefix(name, "pipe:") {
				keys[fd] = name
				continue
			}
		case unix.S_IFREG, unix.S_IFCHR:
			if isTerminalDevice(&st) {
				continue
			}
		default:
			continue
		}
		mount, err := mountOf(pid, fd)
		if err != nil {
			return nil, nil, err
		}
		key := fmt.Sprintf("file[%x:%x]", mount, st.Ino)
		external = append(external, key)
		if st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 3) {
			key = nullStream + key
		}
		keys[fd] = key
	}
	return external, keys, nil
}

// isTerminalDevice tells terminals, which CRIU knows how to treat (Documentation/
// admin-guide/devices.txt).
func isTerminalDevice(st *unix.Stat_t) bool {
	if st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return false
	}
	major := unix.Major(uint64(st.Rdev))
	return major == 4 || major == 5 || major >= 136 && major <= 143
}

// mountOf is the id of the mount that a descriptor of a process lies on.
func mountOf(pid, fd int) (id int, err error) {
	name := fmt.Sprintf("/proc/%d/fdinfo/%d", pid, fd)
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if n, _ := fmt.Sscanf(line, "mnt_id: %d", &id); n == 1 {
			return id, nil
		}
	}
	return 0, fmt.Errorf("%s: no mnt_id", name)
}

// ignoreName is an empty file among the images that tells that the container's cgroups
// are to be ignored: see [CheckpointOptions.cgroupsMode].
const ignoreName = "rung.ignore-cgroups"

// saveMode keeps or removes that file: there may be images of an earlier checkpoint.
func saveMode(dir int, mode criu.Mode) error {
	var err error
	if mode == criu.Ignore {
		err = writeAmong(dir, ignoreName, nil)
	} else {
		err = removeAmong(dir, ignoreName)
	}
	if err != nil {
		return fmt.Errorf("saving how cgroups are restored: %w", err)
	}
	return nil
}

// writeAmong makes a file among the images. Their directory may be another user's:
// nothing that is there already is written to, least of all where a link leads.
func writeAmong(dir int, name string, data []byte) error {
	if err := removeAmong(dir, name); err != nil {
		return err
	}
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name)
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func removeAmong(dir int, name string) error {
	if err := unix.Unlinkat(dir, name, 0); err != nil && err != unix.ENOENT {
		return &fs.PathError{Op: "unlink", Path: name, Err: err}
	}
	return nil
}

// nullStream is before the key of a stream that was /dev/null: it is that again,
// whatever the caller's stream is then, which may be a pipe.
const nullStream = "/dev/null "

// saveStreams keeps the keys among the images.
func saveStreams(dir int, keys []string) error {
	text, err := json.Marshal(keys)
	if err == nil {
		err = writeAmong(dir, streamsName, text)
	}
	if err != nil {
		return fmt.Errorf("saving the keys of the standard streams: %w", err)
	}
	return nil
}

// streamKeys are what saveStreams has kept. It need not be rung that put the file
// there: images come from other machines.
func streamKeys(dir int) (keys []string, err error) {
	fd, err := unix.Openat(dir, streamsName, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		return nil, nil
	}
	if err != nil {
		return nil, optionError("ImagePath", &fs.PathError{Op: "open", Path: streamsName, Err: err})
	}
	defer unix.Close(fd)
	text, err := readRegular(fd, streamsName, 64<<10)
	if err != nil {
		return nil, optionError("ImagePath", err)
	}
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, optionError("ImagePath", fmt.Errorf("%s: %w", streamsName, err))
	}
	return keys, nil
}

// loadStreams has this process's standard streams take the place of those that
// were saved, and /dev/null that of itself, which the record then has. opened are
// descriptors for the caller to close: CRIU takes each once.
func (c *container) loadStreams(dir int) (list []criu.InheritFd, opened []int, err error) {
	keys, err := streamKeys(dir)
	if err != nil {
		return nil, nil, err
	}
	for i, key := range keys[:min(len(keys), len(c.record.Streams))] {
		fd := i
		key, null := strings.CutPrefix(key, nullStream)
		if null {
			if fd, c.record.Streams[i], err = openNull(); err != nil {
				return list, opened, fmt.Errorf("%s: %w", os.DevNull, err)
			}
			opened = append(opened, fd)
		}
		if strings.HasPrefix(key, "pipe:") || strings.HasPrefix(key, "file[") {
			list = append(list, criu.InheritFd{Key: key, Fd: fd})
		}
	}
	return list, opened, nil
}

func openNull() (fd int, s store.Stream, err error) {
	if fd, err = unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		return -1, s, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, s, err
	}
	return fd, store.StreamOf(&st), nil
}

// hasDevices tells whether there are network devices among the images. The
// namespace is rung's to set up, as in runc: CRIU cannot make one end of a pair
// whose other end is the host's. But older ones of rung have left it to CRIU, and
// their images come back as they were saved.
func hasDevices(dir int) bool {
	found, _ := filepath.Glob(fmt.Sprintf("/proc/self/fd/%d/netdev-*.img", dir))
	return len(found) > 0
}
