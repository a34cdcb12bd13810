package cgroupfs

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Name is the path of the container id's cgroup that linux.cgroupsPath names: an absolute one
// starts where a hierarchy is mounted, a relative one at the caller's own cgroup. An empty
// cgroupsPath means the relative path id.
//
// The path is cleaned as text and never leads above where it starts: "/a/../b" is
// "/b", "../b" is "b". Refused are paths with NUL or a newline, and those that name no
// cgroup of their own ("/" and "a/.."): a container's cgroup is emptied and removed
// with it.
func Name(cgroupsPath, id string) (string, error) {
	if cgroupsPath == "" {
		if strings.Contains(id, "/") {
			return "", fmt.Errorf("container id %q cannot name a cgroup: it contains a slash", id)
		}
		cgroupsPath = id
	}
	name, err := cleanPath(cgroupsPath)
	if err != nil {
		return "", fmt.Errorf("linux.cgroupsPath %q: %w", cgroupsPath, err)
	}
	return name, nil
}

func cleanPath(path string) (string, error) {
	if strings.IndexByte(path, 0) >= 0 {
		return "", errors.New("contains NUL")
	}
	// EINVAL by cgroup_mkdir of kernel/cgroup/cgroup.c, but only once there is a record of it
	if strings.Contains(path, "\n") {
		return "", errors.New("contains a newline")
	}
	absolute := filepath.IsAbs(path)
	path = filepath.Clean("/" + path)
	if path == "/" {
		return "", errors.New("names no cgroup of the container's own")
	}
	if !absolute {
		path = path[1:]
	}
	return path, nil
}
