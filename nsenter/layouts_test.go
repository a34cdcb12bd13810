package nsenter

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestLayouts compares the structs that x/sys/unix does not have with the kernel's
// headers, as a C compiler sees them.
func TestLayouts(t *testing.T) {
	var c CloneArgs
	var s sigaction
	var r ifreq
	expect(t, "asm/signal.h linux/sched.h linux/sched/types.h", []claim{
		{"sizeof(struct clone_args)", unsafe.Sizeof(c)},
		{"offsetof(struct clone_args, flags)", unsafe.Offsetof(c.Flags)},
		{"offsetof(struct clone_args, pidfd)", unsafe.Offsetof(c.Pidfd)},
		{"offsetof(struct clone_args, child_tid)", unsafe.Offsetof(c.ChildTid)},
		{"offsetof(struct clone_args, parent_tid)", unsafe.Offsetof(c.ParentTid)},
		{"offsetof(struct clone_args, exit_signal)", unsafe.Offsetof(c.ExitSignal)},
		{"offsetof(struct clone_args, stack)", unsafe.Offsetof(c.Stack)},
		{"offsetof(struct clone_args, stack_size)", unsafe.Offsetof(c.StackSize)},
		{"offsetof(struct clone_args, tls)", unsafe.Offsetof(c.Tls)},
		{"offsetof(struct clone_args, set_tid)", unsafe.Offsetof(c.SetTid)},
		{"offsetof(struct clone_args, set_tid_size)", unsafe.Offsetof(c.SetTidSize)},
		{"offsetof(struct clone_args, cgroup)", unsafe.Offsetof(c.Cgroup)},
		{"sizeof(struct sigaction)", unsafe.Sizeof(s)},
		{"offsetof(struct sigaction, sa_flags)", unsafe.Offsetof(s.Flags)},
		{"offsetof(struct sigaction, sa_restorer)", unsafe.Offsetof(s.Restorer)},
		{"offsetof(struct sigaction, sa_mask)", unsafe.Offsetof(s.Mask)},
		{"sizeof(sigset_t)", sizeofSigset},
		{"SCHED_ATTR_SIZE_VER0", sizeofSched},
	})
	expect(t, "linux/if.h", []claim{
		{"sizeof(struct ifreq)", unsafe.Sizeof(r)},
		{"offsetof(struct ifreq, ifr_flags)", unsafe.Offsetof(r.Flags)},
	})
}

// claim is what an expression of C is said to be.
type claim struct {
	c  string
	is uintptr
}

// expect has a C compiler of this machine look whether claims about its headers hold.
func expect(t *testing.T, headers string, claims []claim) {
	t.Helper()
	name := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] + "-linux-gnu-gcc"
	gcc, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("no C compiler with the kernel's headers: %v", err)
	}
	source := "#include <stddef.h>\n"
	for _, header := range strings.Fields(headers) {
		source += "#include <" + header + ">\n"
	}
	for _, claim := range claims {
		source += fmt.Sprintf("_Static_assert(%s == %d, \"%[1]s is not %[2]d\");\n", claim.c, claim.is)
	}
	cmd := exec.Command(gcc, "-fsyntax-only", "-x", "c", "-")
	cmd.Stdin = strings.NewReader(source)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, text)
	}
}

// TestSharedLayouts is about those of x/sys/unix of which two fields are loaded at once.
func TestSharedLayouts(t *testing.T) {
	var x unix.Statx_t
	if unsafe.Sizeof(x.Gid) != 4 || unsafe.Offsetof(x.Mode) != unsafe.Offsetof(x.Gid)+4 || modeShift != 32 {
		t.Error("the mode is not the lower half of the four bytes behind the group")
	}
	if unsafe.Offsetof(x.Rdev_minor) != unsafe.Offsetof(x.Rdev_major)+4 || unsafe.Offsetof(x.Rdev_major)%8 != 0 {
		t.Error("a device's numbers are not one word")
	}
	if unsafe.Sizeof(unix.Statfs_t{}) > unsafe.Sizeof(x) || unsafe.Sizeof(unix.Statfs_t{}.Type) != 8 {
		t.Error("struct statfs is not within struct statx, or its type is no word")
	}
	if cmsgSpace != unix.CmsgSpace(4) || cmsgLen != unix.CmsgLen(4) {
		t.Errorf("a control message of one descriptor has %d bytes in %d, want %d in %d",
			cmsgLen, cmsgSpace, unix.CmsgLen(4), unix.CmsgSpace(4))
	}
}
