//go:build padded

package main

// padding makes the probe have as much read-only data as a large program.
func padding() uintptr

var _ = padding()
