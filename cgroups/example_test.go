package cgroups_test

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/manager"
)

// TestMain leaves the example out where this user cannot make its cgroup.
func TestMain(m *testing.M) {
	flag.Parse()
	h, err := cgroups.Find()
	limited := slices.ContainsFunc(h, func(h cgroups.Hierarchy) bool { return slices.Contains(h.Controllers, "pids") })
	if err != nil || os.Getuid() != 0 || !limited {
		if err := flag.Set("test.skip", "^Example$"); err != nil {
			log.Fatal(err)
		}
	}
	os.Exit(m.Run())
}

// A process lives with a limit from its first moment on; a later command ends it.
func Example() {
	m, err := manager.New(manager.Options{Path: fmt.Sprintf("/rung-example-%d", os.Getpid())})
	check(err)
	_, err = m.Create(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(3))}})
	check(err)
	record := m.Record()

	entry, err := m.Entry(false)
	check(err)
	cmd := exec.Command("/bin/sh", "-c", `for fd; do echo 0 >/proc/self/fd/$fd; done; echo; exec sleep 100`, "sh")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: entry.Dir.Ok(), CgroupFD: entry.Dir.Int()}
	for i, f := range entry.Files {
		if f.Fd < 0 { // it is born there
			continue
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(f.Fd), f.Name))
		cmd.Args = append(cmd.Args, strconv.Itoa(3+i))
	}
	out, err := cmd.StdoutPipe()
	check(err)
	check(cmd.Start())
	_, err = out.Read(make([]byte, 1)) // it is in
	check(err)

	stats, err := m.Stats()
	check(err)
	fmt.Println(stats.Pids.Current, "of", stats.Pids.Limit, "processes")
	m.Close()

	m = manager.Restore(record)
	defer m.Close()
	check(m.Kill(unix.SIGKILL))
	fmt.Println(cmd.Wait())
	check(m.Remove())
	fmt.Println("there is a cgroup:", m.Exists())
	// Output:
	// 1 of 3 processes
	// signal: killed
	// there is a cgroup: false
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
