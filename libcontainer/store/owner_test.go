package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOwned(t *testing.T) {
	for _, tt := range []struct {
		uid, mode   uint32
		root, other bool // as a root, as a container's directory
	}{
		{0, 0o700, true, true},
		{0, 0o711, true, true},
		{0, 0o755, true, true},
		{1000, 0o755, true, true},
		{1001, 0o700, false, false},
		{1001, 0o1777, false, false},
		{65534, 0o700, false, false}, // of a user namespace that has not this owner
		{1000, 0o770, false, false},
		{0, 0o777, false, false},
		{0, 0o702, false, false},
		{0, 0o720, false, false},
		{0, 0o1777, true, false},
		{1000, 0o1770, true, false},
	} {
		st := unix.Stat_t{Uid: tt.uid, Mode: unix.S_IFDIR | tt.mode}
		if root, other := owned(&st, 1000, true), owned(&st, 1000, false); root != tt.root || other != tt.other {
			t.Errorf("owner %d, mode %04o: %v as a root, %v as a container's; want %v, %v",
				tt.uid, tt.mode, root, other, tt.root, tt.other)
		}
	}
}

// TestForeign has each way into a store meet directories that others may write, of the root or
// of the container, and, where there is root to make them, those of another owner.
func TestForeign(t *testing.T) {
	spoil := map[string]func(root, dir string) (bad string, err error){
		"root that others may write":      func(root, _ string) (string, error) { return root, os.Chmod(root, 0o777) },
		"container that others may write": func(_, dir string) (string, error) { return dir, os.Chmod(dir, 0o720) },
	}
	if os.Geteuid() == 0 {
		spoil["another's root"] = func(root, _ string) (string, error) { return root, os.Chown(root, 1234, 0) }
		spoil["another's container"] = func(_, dir string) (string, error) { return dir, os.Chown(dir, 1234, 0) }
		spoil["another's container in a root like /tmp"] = func(root, dir string) (string, error) {
			return dir, errors.Join(os.Chmod(root, 0o777|os.ModeSticky), os.Chown(dir, 1234, 0))
		}
	}
	for name, spoil := range spoil {
		s := newStore(t)
		create(t, s, "c").Close()
		bad, err := spoil(s.Root(), s.path("c"))
		if err != nil {
			t.Fatal(err)
		}
		_, openErr := s.Open("c")
		_, createErr := s.Create("c")
		for what, err := range map[string]error{"Open": openErr, "Create": createErr, "Sweep": s.Sweep("c")} {
			var foreign *ForeignError
			if !errors.As(err, &foreign) || foreign.Path != bad || !strings.Contains(err.Error(), bad+": owner ") {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		if _, err := s.List(); (bad == s.Root()) != (err != nil) {
			t.Errorf("%s: List: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(s.path("c"), recordName)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStickyRoot works in a root like /tmp, with what others have there.
func TestStickyRoot(t *testing.T) {
	s := newStore(t)
	if err := os.MkdirAll(s.Root(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.Root(), 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	create(t, s, "c")
	if st, err := os.Stat(s.path("c")); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	if ids, err := s.List(); len(ids) != 1 || err != nil {
		t.Errorf("%v, %v", ids, err)
	}
	if err := os.Symlink(s.path("c"), s.path("link")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open("link"); !errors.Is(err, ErrNotExist) {
		t.Errorf("a link: %v", err)
	}
}
