// Rung is a low-level container runtime: it makes containers from bundles, as
// the OCI runtime specification describes them.
//
// The Go runtime shall neither keep files of its cgroup open nor look at them again.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
package main

import (
	"os"

	"github.com/rung-oci/rung/cmd"
	_ "github.com/rung-oci/rung/cmd/maxprocs"
	"github.com/rung-oci/rung/cmd/startup"
)

// Set by the linker: -X main.version=… -X main.commit=….
var version, commit string

func main() {
	startup.Done()
	os.Unsetenv("GOMAXPROCS") // which is package maxprocs's and nobody else's business
	os.Exit(cmd.New(cmd.Build{Version: version, Commit: commit}).Run(os.Args))
}
