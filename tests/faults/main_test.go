// Package faults lets containers fail while they are born: each step of birth
// programs in turn, and rung and the container's first process killed before each
// step and each of rung's own actions. Afterwards nothing may be left.
//
// The runtime under test is this program itself, started again: rung's command
// line on a Runtime with hooks (see rung_test.go).
package faults

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/copyup"
	"github.com/rung-oci/rung/tests/bundle"
)

func TestMain(m *testing.M) {
	if status, called := copyup.Main(os.Args); called {
		os.Exit(status)
	}
	if os.Getenv(faultEnv) != "" {
		os.Exit(rung())
	}
	if bundle.Scratch() != "" {
		// As on most machines: what a container mounts in the wrong place would
		// spread to this mount namespace, and be seen.
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
			panic(err)
		}
	}
	bundle.Main(m)
}
