// Probe tells the test of package maxprocs what a program sees that begins there.
package main

import (
	"encoding/json"
	"os"
	"runtime"

	_ "github.com/rung-oci/rung/cmd/maxprocs"
)

func main() {
	err := json.NewEncoder(os.Stdout).Encode(map[string]any{
		"Args":     os.Args,
		"Env":      os.Environ(),
		"Maxprocs": runtime.GOMAXPROCS(0),
	})
	if err != nil {
		panic(err)
	}
}
