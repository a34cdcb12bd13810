// Command guest runs in containers of the tests: it does what busybox cannot.
//
//	guest lock FILE     locks a file, prints "ready", and waits
package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) != 3 || os.Args[1] != "lock" {
		fmt.Fprintln(os.Stderr, "usage: guest lock FILE")
		os.Exit(2)
	}
	fd, err := unix.Open(os.Args[2], unix.O_RDWR|unix.O_CREAT, 0o644)
	if err == nil {
		err = unix.Flock(fd, unix.LOCK_EX)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, os.Args[2], err)
		os.Exit(1)
	}
	fmt.Println("ready")
	for {
		unix.Pause()
	}
}
