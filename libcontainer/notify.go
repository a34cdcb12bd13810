package libcontainer

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/notify"
	"github.com/rung-oci/rung/libcontainer/store"
)

// A container whose manager wants to be told when it is ready (sd_notify(3))
// gets a socket of its own at notifyDir, from which that alone is passed on.
const notifyDir = "/run/notify"

func managerSocket() string { return os.Getenv("NOTIFY_SOCKET") }

// offerNotify puts the socket into the container.
func (c *creation) offerNotify(in *birth.Input) error {
	if managerSocket() == "" {
		return nil
	}
	m, err := birth.NewMount("", &specs.Mount{
		Destination: notifyDir, Type: "bind", Options: []string{"bind", "nosuid", "noexec", "nodev", "ro"},
		Source: filepath.Join(c.r.Store.Root(), c.o.ID, store.NotifyName),
	}, "")
	if err != nil {
		return err
	}
	in.Mounts = append(in.Mounts, m)
	in.Env = append(in.Env, "NOTIFY_SOCKET="+notifyDir+"/"+store.NotifySock)
	return nil
}

// listenNotify makes the socket in the state directory.
func (c *creation) listenNotify() error {
	if managerSocket() == "" {
		return nil
	}
	c.r.at("making the notify socket")
	proxy, err := listenNotify(c.dir)
	c.notify = proxy
	return err
}

// makeNotifyDir makes the directory that the socket is in.
func makeNotifyDir(dir *store.Dir) error {
	if err := unix.Mkdirat(dir.Fd(), store.NotifyName, 0o755); err != nil && err != unix.EEXIST {
		return fmt.Errorf("directory of the notify socket: %w", err)
	}
	return nil
}

func listenNotify(dir *store.Dir) (*notify.Proxy, error) {
	if err := makeNotifyDir(dir); err != nil {
		return nil, err
	}
	fd, err := unix.Openat(dir.Fd(), store.NotifyName, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("directory of the notify socket: %w", err)
	}
	defer unix.Close(fd)
	return notify.Listen(fd, store.NotifySock)
}

// awaitReady stays with a container that runs in the background until it says that it
// is ready, or ends. What the manager watches from then on is its process.
func (r *Runtime) awaitReady(proxy *notify.Proxy, pid, pidfd int) {
	if proxy != nil {
		r.at("waiting for the container to be ready")
		r.tellReady(proxy, pid, pidfd)
	}
}

// attendNotify stays with a container in the foreground until it ends. The manager
// goes on watching this process, which ends with the container and deletes it.
func (r *Runtime) attendNotify(proxy *notify.Proxy, pidfd int) {
	if proxy == nil {
		return
	}
	r.tellReady(proxy, os.Getpid(), pidfd)
	if err := proxy.Drain(pidfd); err != nil {
		r.Log.Warnf("reading what the container reports to the service manager: %v", err)
	}
}

// tellReady waits until the container says that it is ready, or ends.
func (r *Runtime) tellReady(proxy *notify.Proxy, mainPid, pidfd int) {
	if _, err := proxy.Forward(managerSocket(), mainPid, pidfd); err != nil {
		r.Log.Warnf("telling the service manager that the container is ready: %v", err)
	}
}
