package notify

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/store"
)

// Dir is where a container whose manager wants to be told finds the socket's directory.
const Dir = "/run/notify"

// Manager is the address of the service manager that wants to be told when a container is
// ready, sd_notify(3), or empty.
func Manager() string { return os.Getenv("NOTIFY_SOCKET") }

// Mount is the mount by which the container gets the socket; state is the path of its
// state directory.
func Mount(state string) *specs.Mount {
	return &specs.Mount{
		Destination: Dir, Type: "bind", Options: []string{"bind", "nosuid", "noexec", "nodev", "ro"},
		Source: filepath.Join(state, store.NotifyName),
	}
}

// Env is the variable of the environment by which the container finds the socket.
func Env() string { return "NOTIFY_SOCKET=" + Dir + "/" + store.NotifySock }

// MakeDir makes the directory that the socket is in, if it is not there.
func MakeDir(state *store.Dir) error {
	if err := unix.Mkdirat(state.Fd(), store.NotifyName, 0o755); err != nil && err != unix.EEXIST {
		return fmt.Errorf("directory of the notify socket: %w", err)
	}
	return nil
}

// ListenIn makes the socket in a state directory.
func ListenIn(state *store.Dir) (*Proxy, error) {
	if err := MakeDir(state); err != nil {
		return nil, err
	}
	fd, err := unix.Openat(state.Fd(), store.NotifyName, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("directory of the notify socket: %w", err)
	}
	defer unix.Close(fd)
	return Listen(fd, store.NotifySock)
}
