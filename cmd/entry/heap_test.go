package entry_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cmd/entry"
)

// Before anything else of a program allocates, the pages are there.
func TestPopulated(t *testing.T) {
	if emulator != "" {
		t.Skip("the emulator does not know the call")
	}
	_, before := entry.Heap()
	entry.MoreHeap(256 << 10)
	addr, length := entry.Heap()
	if before == 0 || length != before+256<<10 {
		t.Fatalf("%d bytes, then %d", before, length)
	}
	page := uintptr(os.Getpagesize())
	resident := make([]byte, length/page)
	mapped := 0
	for i := range resident {
		_, _, errno := unix.Syscall(unix.SYS_MINCORE, addr+uintptr(i)*page, page, uintptr(unsafe.Pointer(&resident[i])))
		if errno == unix.ENOMEM {
			break // the heap's region ends here, by chance: its start is random
		}
		if errno != 0 {
			t.Fatal(errno)
		}
		mapped++
		if resident[i]&1 == 0 {
			t.Fatalf("page %d of %d is not there", i, len(resident))
		}
	}
	if mapped == 0 {
		t.Error("nothing is mapped")
	}
}

// It is the first of this module's packages and comes before those of the standard
// library that allocate.
func TestEarly(t *testing.T) {
	if os.Getenv("RUNG_TEST_INIT") != "" { // started by the other branch
		os.Exit(0)
	}
	if emulator != "" {
		t.Skip("the order is the same on every architecture")
	}
	cmd := exec.Command(os.Args[0], "-test.run=TestEarly")
	cmd.Env = append(os.Environ(), "RUNG_TEST_INIT=1", "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "init" {
			continue
		}
		switch {
		case f[1] == "github.com/rung-oci/rung/cmd/entry":
			return
		case f[1] == "os" || f[1] == "unicode" || f[1] == "internal/godebug":
			t.Fatalf("%s is initialised before:\n%s", f[1], out)
		}
	}
	t.Errorf("it is not initialised:\n%s", out)
}
