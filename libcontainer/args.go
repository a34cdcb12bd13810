package libcontainer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/executable"
)

// process finds out what will be executed, with which environment, and says
// now why it cannot be.
func (c *creation) process(in *birth.Input) error {
	p := c.spec.Process
	if p == nil {
		return nil
	}
	root, err := unix.Open(c.host.Rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("root.path: %s: %w", c.host.Rootfs, err)
	}
	defer unix.Close(root)
	in.Env = lastOfEach(append(slices.Clip(p.Env), in.Env...))
	if getenv(in.Env, "HOME") == "" {
		in.Env = lastOfEach(append(in.Env, "HOME="+homeOf(root, p.User.UID)))
	}
	f := &executable.Finder{Root: root, Path: getenv(in.Env, "PATH"), Cwd: p.Cwd, Override: true}
	for _, m := range c.mounts {
		f.Mounts = append(f.Mounts, m.Target)
	}
	resolved, err := f.Find(p.Args[0])
	if err == nil {
		err = f.Inspect(resolved)
	}
	switch {
	case err == nil:
		in.Candidates = []string{resolved}
	case errors.Is(err, executable.ErrBehindMount):
		in.Behind = true
		in.Candidates = executable.Candidates(p.Args[0], f.Path, p.Cwd)
	default:
		return startError(err)
	}
	return nil
}

// startError has the words by which docker, podman and CRI-O know that the
// process itself is at fault (cli-contract of runc).
func startError(err error) error {
	return fmt.Errorf(startPrefix+"%w", err)
}

const startPrefix = "unable to start container process: "

// lastOfEach is an environment in which each name occurs once, in its first place
// and with its last value, as setenv(3) would have left it: of a name that occurs
// twice getenv(3) finds the first, but a shell takes the last.
func lastOfEach(env []string) []string {
	place := make(map[string]int, len(env))
	list := make([]string, 0, len(env)+1) // HOME may follow
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		if i, ok := place[name]; ok {
			list[i] = e
			continue
		}
		place[name] = len(list)
		list = append(list, e)
	}
	return list
}

// getenv is the value of the last entry for a key, as execvp(3) and shells see it.
func getenv(env []string, key string) (value string) {
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, key+"="); ok {
			value = v
		}
	}
	return value
}

// homeOf is the home directory that the container's own /etc/passwd gives a user,
// "/" if it does not say. The image may have a device in its place, or a link.
func homeOf(root int, uid uint32) string {
	fd, err := kernel.OpenRegular(root, "etc/passwd")
	if err != nil {
		return "/"
	}
	defer unix.Close(fd)
	const most = 1 << 20
	id := []byte(strconv.FormatUint(uint64(uid), 10))
	for lines := bufio.NewScanner(io.LimitReader(kernel.Reader(fd), most)); lines.Scan(); {
		// name, password, uid, gid, comment, home, shell: passwd(5)
		fields := bytes.Split(lines.Bytes(), []byte{':'})
		if len(fields) >= 6 && bytes.Equal(fields[2], id) && len(fields[5]) > 0 {
			return string(fields[5])
		}
	}
	return "/"
}
