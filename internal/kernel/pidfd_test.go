package kernel

import (
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSignalAndEnd(t *testing.T) {
	cmd := exec.Command("sleep", "100")
	must(t, cmd.Start())
	defer cmd.Wait()
	pidfd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	must(t, err)
	defer unix.Close(pidfd)
	if ended, err := Ends(pidfd, 10*time.Millisecond); ended || err != nil {
		t.Errorf("it runs: %v, %v", ended, err)
	}
	must(t, Signal(pidfd, unix.SIGKILL))
	if ended, err := Ends(pidfd, 10*time.Second); !ended || err != nil {
		t.Errorf("it was killed: %v, %v", ended, err)
	}
	must(t, Signal(pidfd, unix.SIGKILL)) // a zombie
	if status, err := Wait(cmd.Process.Pid); err != nil || status.Signal() != unix.SIGKILL {
		t.Errorf("%v, %v", status, err)
	}
	must(t, Signal(pidfd, unix.SIGKILL)) // nothing
	if err := Signal(-1, unix.SIGKILL); err != unix.EBADF {
		t.Errorf("no pidfd: %v", err)
	}
	if _, err := Wait(cmd.Process.Pid); err != unix.ECHILD {
		t.Errorf("waited for twice: %v", err)
	}
}
