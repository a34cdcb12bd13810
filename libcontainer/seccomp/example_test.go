package seccomp_test

import (
	"fmt"
	"log"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/seccomp"
)

// A profile that denies one system call, and asks about another's first argument. What is not
// known when a program is compiled must not matter for a call to be certainly allowed.
func Example() {
	f, err := seccomp.Compile(&specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Syscalls: []specs.LinuxSyscall{
			{Names: []string{"acct", "no_such_call"}, Action: specs.ActErrno},
			{Names: []string{"personality"}, Action: specs.ActKillProcess,
				Args: []specs.LinuxSeccompArg{{Index: 0, Value: 8, Op: specs.OpEqualTo}}},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("unknown here:", f.Dropped)
	fmt.Println("acct:", f.Allows(unix.SYS_ACCT))
	fmt.Println("personality(0):", f.Allows(unix.SYS_PERSONALITY, seccomp.Word{Value: 0, Known: true}))
	fmt.Println("personality(?):", f.Allows(unix.SYS_PERSONALITY, seccomp.Word{}))
	// Output:
	// unknown here: [no_such_call]
	// acct: false
	// personality(0): true
	// personality(?): false
}
