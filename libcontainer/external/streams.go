package external

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/criu"
	"github.com/rung-oci/rung/libcontainer/store"
)

// streamsName is the file among the images that has the keys of the standard
// streams, a JSON array of three strings. Other runtimes have the same.
const streamsName = "descriptors.json"

// DumpStreams finds out which standard streams of a process are still those that it was
// created with and lead out of the container. It returns the external files for CRIU,
// and the keys by which restore gives it others.
func DumpStreams(pid int, streams [3]store.Stream) (external, keys []string, err error) {
	keys = make([]string, len(streams))
	for fd, created := range streams {
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
		if kernel.IsNull(&st) {
			key = nullStream + key
		}
		keys[fd] = key
	}
	return external, keys, nil
}

// isTerminalDevice reports whether a file is a terminal, which CRIU knows how to treat
// (Documentation/admin-guide/devices.txt).
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

// nullStream is before the key of a stream that was /dev/null: it is that again,
// whatever the caller's stream is then, which may be a pipe.
const nullStream = "/dev/null "

// SaveStreams keeps the keys among the images.
func SaveStreams(dir int, keys []string) error {
	text, err := json.Marshal(keys)
	if err == nil {
		err = writeAmong(dir, streamsName, text)
	}
	return kernel.Failed("saving the keys of the standard streams", err)
}

// StreamKeys are what SaveStreams has kept. It need not be rung that put the file
// there: images come from other machines.
func StreamKeys(dir int) (keys []string, err error) {
	text, err := kernel.ReadRegular(dir, streamsName, unix.O_NOFOLLOW, 64<<10)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return keys, kernel.Failed(streamsName, json.Unmarshal(text, &keys))
}

// LoadStreams has this process's standard streams take the place of those whose keys were
// saved. /dev/null takes the place of itself, and of a stream that is it now, in a form
// that the container cannot change; streams then has it. opened are descriptors for the
// caller to close: CRIU takes each once.
func LoadStreams(keys []string, streams *[3]store.Stream) (list []criu.InheritFd, opened []int, err error) {
	for i, key := range keys[:min(len(keys), len(streams))] {
		fd := i
		key, null := strings.CutPrefix(key, nullStream)
		if !strings.HasPrefix(key, "pipe:") && !strings.HasPrefix(key, "file[") {
			continue
		}
		var st unix.Stat_t
		if null || unix.Fstat(fd, &st) == nil && kernel.IsNull(&st) {
			if fd, st, err = kernel.OpenNull(); err != nil {
				return list, opened, err
			}
			streams[i], opened = store.StreamOf(&st), append(opened, fd)
		}
		list = append(list, criu.InheritFd{Key: key, Fd: fd})
	}
	return list, opened, nil
}
