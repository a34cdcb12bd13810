package birth_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/libcontainer/birth"
)

// A container with one mount. Nothing is looked up and nothing changes: what the host is
// like goes in, and what comes out can be read before it runs. These are the steps that
// the mount has become, without what is done on which errno.
func Example() {
	s := &specs.Spec{
		Root:    &specs.Root{Path: "rootfs"},
		Process: &specs.Process{Args: []string{"sh"}, Cwd: "/"},
		Mounts:  []specs.Mount{{Destination: "/tmp", Type: "tmpfs", Options: []string{"nosuid", "mode=1777"}}},
		Linux:   &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.MountNamespace}}},
	}
	mounts, err := birth.Mounts(s, "/bundle")
	if err != nil {
		log.Fatal(err)
	}
	b, err := birth.Compile(&birth.Input{
		Spec: s, Mounts: mounts, Host: &birth.Host{Rootfs: "/bundle/rootfs"}, Candidates: []string{"/bin/sh"},
	})
	if err != nil {
		log.Fatal(err)
	}
	for i, step := range b.Program.Steps {
		if step.Property == "mounts[0]" {
			call, _, _ := strings.Cut(b.Program.StepString(i), "  ; ")
			fmt.Println(i, call)
		}
	}
	// Output:
	// 12 fsopen("tmpfs", FSOPEN_CLOEXEC) = $fs
	// 13 fsconfig($fs, FSCONFIG_SET_STRING, "mode", "1777", 0)
	// 14 fsconfig($fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0)
	// 15 fsmount($fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID) = $mount
	// 16 close($fs)
	// 17 openat2($root, "tmp", {O_PATH|O_DIRECTORY|O_CLOEXEC, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}, 24) = $target
	// 18 go to 21
	// 19 mkdirat($root, "tmp", 0755)
	// 20 openat2($root, "tmp", {O_PATH|O_DIRECTORY|O_CLOEXEC, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}, 24) = $target
	// 21 move_mount($mount, "", $target, "", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)
	// 22 close($mount)
	// 23 close($target)
}
