// Rung is a low-level container runtime: it makes containers from bundles, as
// the OCI runtime specification describes them.
//
// How many threads run Go code is not asked of the cgroup: it costs a tenth of
// a short command.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
package main

import (
	"os"

	"github.com/rung-oci/rung/cmd"
	_ "github.com/rung-oci/rung/cmd/prefault"
)

// Set by the linker: -X main.version=… -X main.commit=….
var version, commit string

func main() {
	os.Exit(cmd.New(cmd.Build{Version: version, Commit: commit}).Run(os.Args))
}
