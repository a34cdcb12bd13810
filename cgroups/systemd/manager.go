// Package systemd is a container's cgroup as a scope of systemd: a unit that the service
// manager makes and knows the limits of, in which everything else is done with the files of
// cgroup v2.
//
// One StartTransientUnit has all properties at once. A scope is made around a process; an idle one
// of ours holds it until the container's first process has been born in there, and ends with this
// process. So no process of the container runs without limits at any moment, and the scope goes by
// itself when the one that makes it is killed.
//
// The limits are told to systemd and written to the files: systemd writes its own again when it reads
// its units anew, or is asked to change something, and what it has no property for is in the files alone.
// Quotas are rounded as systemd does, to hundredths of a second, so that both are the same.
// Rules of devices are no properties. systemd's DeviceAllow can only allow, by names of /dev, and
// what it attaches then is a second program beside the one that the rules were compiled to, both of which have
// to allow. Without it, it attaches none, and leaves ours alone (Delegate=yes).
package systemd

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/cgroups/systemd/bus"
	"github.com/rung-oci/rung/cgroups/v2"
	"github.com/rung-oci/rung/internal/kernel"
)

// Options say which scope a new container is to have.
type Options struct {
	Path        string // linux.cgroupsPath, "SLICE:PREFIX:NAME"
	ID          string // of the container
	Annotations map[string]string
	Allow       []string // annotations that are not harmless
	Owner       *uint32  // to whom the cgroup is delegated; nil: to nobody
	// Idle starts a process that does nothing, and ends with this one or when it is told to.
	Idle func() (cgroups.Idler, error)
}

// A Manager is a container's cgroup. It implements [cgroups.Manager].
type Manager struct {
	*v2.Manager
	unit    string
	system  bool // it is a unit of the system's service manager, not of the user's
	path    string
	at      []bus.Address // of the service manager; nil: the usual ones
	bus     *bus.Conn     // nil: not connected
	options Options
	scope   unit
	given   []property // by annotations
	idle    cgroups.Idler
}

var _ cgroups.Manager = (*Manager)(nil)

// New names the unit of a new container. It makes nothing.
func New(h cgroups.Hierarchies, o Options) (*Manager, error) {
	if !h.Pure() {
		return nil, errors.New(
			"the systemd driver needs cgroup v2, which this machine has not: use --cgroup-manager cgroupfs")
	}
	m := &Manager{system: ofSystem(), options: o}
	slice := "user.slice"
	if m.system {
		slice = "system.slice"
	}
	var err error
	if m.scope, err = parseUnit(o.Path, o.ID, slice); err != nil {
		return nil, err
	}
	m.unit = m.scope.name
	if m.given, err = annotated(o.Annotations, o.Allow); err != nil {
		return nil, err
	}
	root, err := m.root()
	if err != nil {
		return nil, err
	}
	m.path = root + m.scope.path()
	if m.Manager, err = v2.New(h, m.path, o.ID, o.Owner); err != nil {
		return nil, err
	}
	m.Adjust = round
	return m, nil
}

// root is the cgroup of the service manager. That of the system is the root of all, but in a
// container that shows more than its own; its first process is the manager itself.
func (m *Manager) root() (string, error) {
	if m.system {
		own, err := cgroupOf("1")
		root, ok := strings.CutSuffix(own, "/init.scope")
		if err != nil || !ok {
			return "", nil
		}
		return root, nil
	}
	c, err := m.connect(time.Now().Add(timeout))
	if err != nil {
		return "", err
	}
	root, err := managerProperty(c, "ControlGroup")
	return strings.TrimSuffix(root, "/"), err
}

// cgroupOf is the cgroup of a process, as /proc/PID/cgroup has it.
func cgroupOf(pid string) (string, error) {
	text, err := kernel.ReadFile(unix.AT_FDCWD, "/proc/"+pid+"/cgroup", 256)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			return strings.TrimSuffix(path, "\n"), nil
		}
	}
	return "", fmt.Errorf("process %s has no cgroup of v2", pid)
}

// connect returns the connection, a new one if there is none.
func (m *Manager) connect(deadline time.Time) (*bus.Conn, error) {
	if m.bus != nil {
		m.bus.Until(deadline)
		return m.bus, nil
	}
	list := m.at
	if list == nil {
		var err error
		if list, err = addresses(m.system); err != nil {
			return nil, err
		}
	}
	var err error
	if m.bus, err = bus.Dial(deadline, list...); err != nil {
		m.bus = nil
		return nil, fmt.Errorf("the service manager %s cannot be reached: %w", m.whose(), err)
	}
	return m.bus, nil
}

func (m *Manager) disconnect() {
	if m.bus != nil {
		m.bus.Close()
		m.bus = nil
	}
}

func (m *Manager) whose() string {
	if m.system {
		return "of the system"
	}
	return "of the user"
}

// hint says what can be done about a unit that cannot be made.
func (m *Manager) hint(err error) string {
	switch {
	case errors.As(err, new(*bus.UnreachableError)) && m.system:
		return "systemd has to run here for --systemd-cgroup: without it, --cgroup-manager cgroupfs"
	case errors.As(err, new(*bus.UnreachableError)):
		return "a user's service manager runs while the user is logged in, or always after loginctl enable-linger; " +
			"XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS says where it is"
	case bus.Is(err, errUnitExists):
		return "systemctl status " + m.unit + " shows it"
	}
	return ""
}

// Create implements [cgroups.Manager].
func (m *Manager) Create(r *specs.LinuxResources) (warnings []string, err error) {
	if err := m.make(r); err != nil {
		m.Settle()
		return nil, &cgroups.MakeError{Err: err, Hint: m.hint(err)}
	}
	return m.Manager.Create(r)
}

// Settle implements [cgroups.Manager].
func (m *Manager) Settle() {
	if m.idle != nil {
		m.idle.End()
		m.idle = nil
	}
}

// Remove implements [cgroups.Manager]. The scope has gone with its last process, or it is stopped.
// That it is gone is what counts: without the service manager, the directory is removed, and there is
// nothing left that it could be asked to stop.
func (m *Manager) Remove() error {
	if m.unit == "" || !m.Exists() {
		return m.Manager.Remove()
	}
	stopped := m.stop()
	m.disconnect()
	err := m.Manager.Remove()
	if err != nil && stopped != nil {
		return fmt.Errorf("%w (stopping unit %s: %w)", err, m.unit, stopped)
	}
	return err
}

func (m *Manager) stop() error {
	c, err := m.connect(time.Now().Add(timeout))
	if err != nil {
		return err
	}
	return stop(c, m.unit)
}

// Sub implements [cgroups.Manager]. A cgroup below the scope is no unit.
func (m *Manager) Sub(places []string) (cgroups.Manager, error) { return m.Manager.Sub(places) }

// The words that begin lines of a Record, behind which are a tab and the name of the unit.
const (
	systemWord = "systemd"
	userWord   = "systemd-user"
)

// Record implements [cgroups.Manager]. What v2 needs follows the name of the unit.
func (m *Manager) Record() []byte {
	word := userWord
	if m.system {
		word = systemWord
	}
	return append(cgroupfs.AppendRecord(nil, word, m.unit), m.Manager.Record()...)
}

// Restore returns the Manager of a unit that was made before, from its Record. It touches
// nothing. A record of others is not ok.
func Restore(record []byte) (m *Manager, ok bool) {
	word, rest, _ := strings.Cut(string(record), "\n")
	word, name, ok := cgroupfs.ParseRecord(word)
	if !ok || word != systemWord && word != userWord {
		return nil, false
	}
	files, ok := v2.Restore([]byte(rest))
	if ok {
		files.Adjust = round
	}
	return &Manager{Manager: files, unit: name, system: word == systemWord}, ok
}

// Close implements [cgroups.Manager].
func (m *Manager) Close() {
	m.Settle()
	m.disconnect()
	m.Manager.Close()
}

// description is what systemctl shows.
func (m *Manager) description() string { return "rung container " + cmp.Or(m.options.ID, m.unit) }
