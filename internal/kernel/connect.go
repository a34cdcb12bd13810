package kernel

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// ConnectStream connects to the stream socket at path. The address of a socket has
// room for 107 bytes, unix(7), so the directory is reached by descriptor. With a patience that is not 0,
// to be accepted and to send take no longer than that, each: EAGAIN.
func ConnectStream(path string, patience time.Duration) (int, error) {
	dir, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: filepath.Dir(path), Err: err}
	}
	defer unix.Close(dir)
	sock, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if patience > 0 {
		limit := unix.NsecToTimeval(int64(patience))
		err = Failed("setsockopt", unix.SetsockoptTimeval(sock, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit))
	}
	if err == nil {
		to := &unix.SockaddrUnix{Name: ProcPath(dir) + "/" + filepath.Base(path)}
		if err = Restart(func() error { return unix.Connect(sock, to) }); err != nil {
			err = &fs.PathError{Op: "connect", Path: path, Err: err}
		}
	}
	if err != nil {
		unix.Close(sock)
		return -1, err
	}
	return sock, nil
}
