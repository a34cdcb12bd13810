package birth

import (
	"errors"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// TestSymlinksOfTheImage: an image leads most mounts to where it wants, within its root.
// Where its procfs and its sysfs are it must not choose, or what is masked there would
// be masked somewhere else (CVE-2023-27561): not by a link at any component of the path,
// and not by one that comes to lie there after the path was looked at.
func TestSymlinksOfTheImage(t *testing.T) {
	for _, c := range []struct {
		filesystem, target string
		links              map[string]string
		want               string // where it is mounted in the end; "": nowhere
	}{
		{"proc", "/proc", nil, "proc"},
		{"sysfs", "/a/sys", nil, "a/sys"},
		{"tmpfs", "/proc", map[string]string{"proc": "elsewhere"}, "elsewhere"},
		{"tmpfs", "/a/proc", map[string]string{"a": "/elsewhere"}, "elsewhere/proc"},
		{"tmpfs", "/proc", map[string]string{"proc": "../../elsewhere"}, "elsewhere"},
		{"proc", "/proc", map[string]string{"proc": "elsewhere"}, ""},
		{"sysfs", "/sys", map[string]string{"sys": "elsewhere"}, ""},
		{"proc", "/a/proc", map[string]string{"a": "elsewhere"}, ""},
		{"proc", "/a/b/proc", map[string]string{"a/b": "../elsewhere"}, ""},
		{"sysfs", "/a/sys", map[string]string{"a/sys": "/elsewhere"}, ""},
		{"proc", "/proc", map[string]string{"proc": "proc"}, ""},
	} {
		s := spec.Default()
		s.Mounts = []specs.Mount{{Destination: c.target, Type: c.filesystem, Source: c.filesystem}}
		s.Linux.MaskedPaths, s.Linux.ReadonlyPaths, s.Process.Terminal = nil, nil, false
		program := compiled(t, inputFor(s)).Program
		for _, missing := range []int{0, 1} { // the first look is from before the link was there
			k := &fakeKernel{links: c.links, tree: map[string]uint64{
				"a": unix.S_IFDIR, "a/b": unix.S_IFDIR, "elsewhere": unix.S_IFDIR,
			}}
			looked, there := 0, len(k.tree)
			k.fail = func(name, path string) unix.Errno {
				if name == "openat2" && "/"+path == c.target {
					if looked++; looked <= missing {
						return unix.ENOENT
					}
				}
				return 0
			}
			k.run(t, program)
			err := program.Failure(k.report)
			if c.want == "" {
				if !errors.Is(err, unix.ELOOP) || len(k.attached) > 0 || len(k.tree) > there {
					t.Errorf("%s on %s with %v: attached to %q in %v, %v",
						c.filesystem, c.target, c.links, k.attached, k.tree, err)
				}
			} else if err != nil || !slices.Equal(k.attached, []string{c.want}) {
				t.Errorf("%s on %s with %v: attached to %q, want %s, %v",
					c.filesystem, c.target, c.links, k.attached, c.want, err)
			}
		}
	}
}

// TestSymlinkAtTheTerminals: the terminal comes from the devpts that the configuration
// mounts, not from another one that a link leads to.
func TestSymlinkAtTheTerminals(t *testing.T) {
	program := compiled(t, defaultInput()).Program
	k := &fakeKernel{all: true, links: map[string]string{"dev/pts": "../elsewhere"}}
	k.run(t, program)
	var failed *nsenter.StepError
	err := program.Failure(k.report)
	if !errors.As(err, &failed) || failed.Errno != unix.ELOOP || failed.Path != "dev/pts" {
		t.Error(err)
	}
}
