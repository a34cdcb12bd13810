// Probe tells the test of package entry what a program sees that begins there.
package main

import (
	"encoding/json"
	"os"
	"runtime"

	_ "github.com/rung-oci/rung/cmd/entry"
)

func main() {
	smaps, _ := os.ReadFile("/proc/self/smaps")
	err := json.NewEncoder(os.Stdout).Encode(map[string]any{
		"Args":     os.Args,
		"Env":      os.Environ(),
		"Maxprocs": runtime.GOMAXPROCS(0),
		"Smaps":    string(smaps),
	})
	if err != nil {
		panic(err)
	}
}
