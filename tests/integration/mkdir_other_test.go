//go:build !amd64

package integration

const sysMkdir = -1
