package terminal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// listen returns a listening stream socket with a name in dir.
func listen(t *testing.T, dir string) int {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	sock, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(sock) })
	if err := unix.Bind(sock, &unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/sock", fd)}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(sock, 1); err != nil {
		t.Fatal(err)
	}
	return sock
}

func accept(t *testing.T, sock int) int {
	t.Helper()
	conn, _, err := unix.Accept4(sock, unix.SOCK_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(conn) })
	return conn
}

// receive accepts a connection, and from it a message with one descriptor.
func receive(t *testing.T, sock int) (fd int, text string) {
	t.Helper()
	data := make([]byte, 64)
	n, fds, err := kernel.Receive(accept(t, sock), data, 1)
	if err != nil || len(fds) != 1 {
		t.Fatalf("%d descriptors, %v", len(fds), err)
	}
	t.Cleanup(func() { fds[0].Close() })
	return fds[0].Int(), string(data[:n])
}

func TestSendConsole(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("d", 200))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"short": t.TempDir(), "long": long} {
		t.Run(name, func(t *testing.T) {
			sock := listen(t, dir)
			master, slave, _ := openPty(t)
			if err := SendConsole(dir+"/sock", master, "/dev/pts/0"); err != nil {
				t.Fatal(err)
			}
			got, data := receive(t, sock)
			if data != "/dev/pts/0" {
				t.Errorf("data %q", data)
			}
			if err := SetSize(got, 33, 44); err != nil {
				t.Fatal(err)
			}
			if rows, columns, err := Size(slave); rows != 33 || columns != 44 || err != nil {
				t.Errorf("not the same terminal: %d, %d, %v", rows, columns, err)
			}
		})
	}
}

func TestSendPidfd(t *testing.T) {
	dir := t.TempDir()
	sock := listen(t, dir)
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	t.Chdir(dir)
	if err := SendPidfd("sock", pidfd); err != nil { // a relative path
		t.Fatal(err)
	}
	got, _ := receive(t, sock)
	if err := unix.PidfdSendSignal(got, 0, nil, 0); err != nil {
		t.Errorf("not a pidfd: %v", err)
	}
}

func TestSendToNobody(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ path, want string }{
		{dir + "/none", "connect " + dir + "/none: no such file or directory"},
		{dir + "/file", "connect " + dir + "/file: connection refused"},
		{dir + "/no/sock", "open " + dir + "/no: no such file or directory"},
	} {
		err := SendConsole(tt.path, 0, "x")
		if want := "sending the terminal to the console socket: " + tt.want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func countFds(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}
