package kernel

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFollowLinks(t *testing.T) {
	root := t.TempDir()
	for name, target := range map[string]string{
		"abs": "/usr/bin", "up": "../../../usr", "chain": "usr/../abs", "dangling": "/nowhere/at/all", "loop": "loop",
		"long": "/" + strings.Repeat("./", 300),
	} {
		if err := os.Symlink(target, root+"/"+name); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(root+"/usr/bin", 0o755); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(root, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for _, test := range []struct {
		name, want string
		err        error
	}{
		{"/", "", nil},
		{"/usr/bin/", "/usr/bin", nil},
		{"/../usr/./bin/..", "/usr", nil},
		{"/abs/sh", "/usr/bin/sh", nil},
		{"/up/bin", "/usr/bin", nil},
		{"/chain", "/usr/bin", nil},
		{"/dangling/x", "/nowhere/at/all/x", nil},
		{"/loop", "", unix.ELOOP},
		{"/long", "", ErrTooManyParts},
		{"/usr/none/x", "/usr/none/x", nil},
	} {
		at, err := FollowLinks(test.name, func(at, _ string) (string, error) {
			target, err := ReadlinkInRoot(fd, at)
			if err == unix.ENOENT {
				err = nil
			}
			return target, err
		})
		if at != test.want || err != test.err {
			t.Errorf("%s: %q, %v, want %q, %v", test.name, at, err, test.want, test.err)
		}
	}
}
