//go:build tools

package main

// The blank imports keep go.mod and go.sum whole for the programs that
// build.go compiles.
import (
	_ "github.com/opencontainers/runtime-tools/cmd/runtimetest"
	_ "github.com/opencontainers/runtime-tools/validation/util"
)
