//go:build !amd64

package seccomp

import "errors"

const execPrefix = "exec "

func execUnderFilter(string) error { return errors.New("there is one ABI to test on this machine") }
