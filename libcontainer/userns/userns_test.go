package userns

import (
	"errors"
	"os"
	"os/exec"
	"reflect"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A map that is written is read as it was written, and written no second time. What is done for
// its root is done as that.
func TestMaps(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	cmd := exec.Command("sleep", "100")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Skip(err) // user namespaces are switched off
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	want := map[string][]specs.LinuxIDMapping{
		"uid_map": {{ContainerID: 0, HostID: 100000, Size: 10}, {ContainerID: 20, HostID: 5000, Size: 1}},
		"gid_map": {{ContainerID: 0, HostID: 200000, Size: 10}},
	}
	for _, m := range []Map{Users(), Groups()} {
		file := m.File
		if err := m.Write(cmd.Process.Pid, want[file]); err != nil {
			t.Fatal(err)
		}
		if err := m.write(cmd.Process.Pid, want[file]); !errors.Is(err, unix.EPERM) {
			t.Errorf("%s, once more: %v", file, err)
		}
		if got, err := ReadMap(cmd.Process.Pid, file); err != nil || !reflect.DeepEqual(got, want[file]) {
			t.Errorf("%s: %v, %v, want %v", file, got, err, want[file])
		}
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	err := AsRoot(cmd.Process.Pid, func() error {
		if err := os.Mkdir(dir+"/a", 0o700); err != nil {
			return err
		}
		return unix.Stat(dir+"/a", &st)
	})
	if err != nil || st.Uid != 100000 || st.Gid != 200000 {
		t.Errorf("made by %d:%d, %v", st.Uid, st.Gid, err)
	}
}
