package spec

import (
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestNamespaces asks the kernel: what a file in /proc/self/ns is of, ioctl_ns(2) knows.
func TestNamespaces(t *testing.T) {
	all := Namespaces()
	byName := func(a, b Namespace) int { return strings.Compare(string(a.Type), string(b.Type)) }
	if len(all) != 8 || !slices.IsSortedFunc(all, byName) {
		t.Errorf("%v", all)
	}
	for _, n := range all {
		if NamespaceByType(n.Type) != n || NamespaceByFlag(n.Flag) != n {
			t.Errorf("%v: found %v and %v", n, NamespaceByType(n.Type), NamespaceByFlag(n.Flag))
		}
		f, err := os.Open("/proc/self/ns/" + n.File)
		if os.IsNotExist(err) {
			continue // a kernel without them
		}
		if err != nil {
			t.Fatal(err)
		}
		if flag, err := unix.IoctlRetInt(int(f.Fd()), unix.NS_GET_NSTYPE); uint64(flag) != n.Flag {
			t.Errorf("%v: flag %#x, %v", n, flag, err)
		}
		f.Close()
	}
	for _, none := range []Namespace{NamespaceByType("net"), NamespaceByType(""), NamespaceByFlag(0)} {
		if none != (Namespace{}) {
			t.Errorf("found %v", none)
		}
	}
}
