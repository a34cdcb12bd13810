package bundle

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Vandal gives a container the program vandal, which tries to change all that it reaches.
func (c *Container) Vandal() {
	c.t.Helper()
	if out, err := exec.Command("cp", Program(c.t, "vandal"), c.Path("bin/vandal")).CombinedOutput(); err != nil {
		c.t.Fatalf("cp: %v: %s", err, out)
	}
}

// A StandIn stands for the host: what the container gets of it are nodes and files of the
// test, in a directory that is mounted over /dev wherever the runtime is called.
type StandIn struct {
	Dir string

	t testing.TB
}

// NewStandIn makes a tmpfs with the nodes that a stand-in has.
func NewStandIn(t testing.TB) *StandIn {
	t.Helper()
	dir, err := os.MkdirTemp(Scratch(), "dev-")
	if err == nil {
		err = unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(unix.Unmount(dir, unix.MNT_DETACH), os.Remove(dir)); err != nil {
			t.Error(err)
		}
	})
	h := &StandIn{dir, t}
	for name, number := range map[string]uint64{"null": unix.Mkdev(1, 3), "zero": unix.Mkdev(1, 5),
		"full":   unix.Mkdev(1, 7),
		"random": unix.Mkdev(1, 8), "urandom": unix.Mkdev(1, 9), "tty": unix.Mkdev(5, 0)} {
		node := filepath.Join(h.Dir, name)
		if err := unix.Mknod(node, unix.S_IFCHR|0o666, int(number)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(node, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// Call calls the runtime with the stand-in's /dev, and its null as standard input and
// output.
func (h *StandIn) Call(c *Container, args ...string) Result {
	h.t.Helper()
	cmd := c.Command(args...)
	cmd.Args = append([]string{"unshare", "--mount", "--propagation", "private", "sh", "-c",
		`mount --bind "$0" /dev && exec "$@" <"$0/null" >"$0/null"`, h.Dir}, cmd.Args...)
	path, err := exec.LookPath("unshare")
	if err != nil {
		h.t.Skip(err)
	}
	cmd.Path = path
	return c.Wait(cmd)
}

// Inodes are all facts about the stand-in's inodes.
func (h *StandIn) Inodes() string {
	h.t.Helper()
	var b strings.Builder
	names, err := os.ReadDir(h.Dir)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, n := range names {
		var st unix.Stat_t
		path, xattrs := filepath.Join(h.Dir, n.Name()), make([]byte, 1024)
		if err := unix.Lstat(path, &st); err != nil {
			h.t.Fatal(err)
		}
		n, _ := unix.Listxattr(path, xattrs)
		fmt.Fprintf(&b, "%s: mode %o owner %d:%d size %d, modified %v, changed %v, attributes %q\n", path, st.Mode,
			st.Uid,
			st.Gid, st.Size, st.Mtim, st.Ctim, xattrs[:max(n, 0)])
	}
	return b.String()
}
