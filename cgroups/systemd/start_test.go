package systemd

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/rung-oci/rung/cgroups/systemd/bus"
)

// idler is this process, which is in no scope.
type idler struct{ ended bool }

func (*idler) Pid() int { return os.Getpid() }
func (i *idler) End()   { i.ended = true }

func managerFor(f *fakeManager) *Manager {
	return &Manager{unit: "c.scope", system: true, at: f.address(), idle: &idler{}}
}

var some = []property{{"Description", bus.String("x")}, {"PIDs", bus.ArrayOf(bus.Uint32(1))}}

func TestStartAndStop(t *testing.T) {
	for _, direct := range []bool{true, false} {
		f := newFake(t, direct)
		m := managerFor(f)
		if err := m.start(some); err != nil {
			t.Fatal(err)
		}
		if err := m.stop(); err != nil {
			t.Fatal(err)
		}
		if err := m.stop(); err != nil { // it is not there
			t.Fatal(err)
		}
		want := []string{"StartTransientUnit", "StopUnit", "StopUnit"}
		if !direct {
			want = []string{"Hello", "AddMatch", "StartTransientUnit", "AddMatch", "StopUnit", "AddMatch", "StopUnit"}
		}
		if got := f.called(); !slices.Equal(got, want) || f.conns != 1 {
			t.Errorf("direct %v: %d connections, %q, want %q", direct, f.conns, got, want)
		}
		m.disconnect()
	}
}

// A fault of each call is told with the unit's name, the job and its result.
func TestFaults(t *testing.T) {
	type conn = fakeConn
	for _, tt := range []struct {
		name  string
		fault func(c *conn, m *dbus.Message) bool
		want  string
	}{
		{"refused", func(c *conn, m *dbus.Message) bool {
			c.fail(m, "org.freedesktop.DBus.Error.AccessDenied", "Permission denied")
			return true
		}, "Permission denied"},
		{"job failed", func(c *conn, m *dbus.Message) bool { return c.job(m, "c.scope", "failed") },
			`job 77 ended with the result "failed"`},
		{"job canceled", func(c *conn, m *dbus.Message) bool { return c.job(m, "c.scope", "canceled") },
			`job 77 ended with the result "canceled"`},
		{"no answer", func(*conn, *dbus.Message) bool { return true }, "no answer in time"},
		{"no end of the job", func(c *conn, m *dbus.Message) bool { return c.reply(m, dbus.ObjectPath("/job/5")) },
			"waiting for job 5: "},
		{"closed", func(c *conn, m *dbus.Message) bool { c.Close(); return true }, "has closed the connection"},
		{"closed behind the answer", func(c *conn, m *dbus.Message) bool {
			c.reply(m, dbus.ObjectPath("/job/5"))
			c.Close()
			return true
		}, "waiting for job 5: "},
		{"an answer of another kind", func(c *conn, m *dbus.Message) bool { return c.reply(m) }, "ends too early"},
		{"garbage", func(c *conn, m *dbus.Message) bool {
			c.Write([]byte("garbage that is no message"))
			return true
		}, "malformed message"},
		{"in time, if late", func(*conn, *dbus.Message) bool {
			time.Sleep(20 * time.Millisecond)
			return false
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t, true)
			f.answer = func(c *conn, m *dbus.Message, method string) bool {
				return method == "StartTransientUnit" && tt.fault(c, m)
			}
			m := managerFor(f)
			defer m.disconnect()
			err := m.startWithin(200*time.Millisecond, some)
			if tt.want == "" && err == nil {
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// An old unit of that name is forgotten, once the manager comes to it.
func TestOldUnitIsReset(t *testing.T) {
	f := newFake(t, true)
	f.units["c.scope"] = true
	m := managerFor(f)
	defer m.disconnect()
	if err := m.start(some); err != nil {
		t.Fatal(err)
	}
	want := []string{"StartTransientUnit", "ResetFailedUnit", "StartTransientUnit"}
	if got := f.called(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestUnitInUse(t *testing.T) {
	f := newFake(t, true)
	f.units["c.scope"] = true
	f.answer = func(c *fakeConn, m *dbus.Message, method string) bool {
		if method == "ResetFailedUnit" {
			c.reply(m)
		}
		return method == "ResetFailedUnit"
	}
	m := managerFor(f)
	defer m.disconnect()
	err := m.start(some)
	if !bus.Is(err, errUnitExists) || !strings.Contains(m.hint(err), "systemctl status c.scope") {
		t.Errorf("%v, %s", err, m.hint(err))
	}
}

// A property that this systemd is too old for is left to the files.
func TestUnknownProperty(t *testing.T) {
	f := newFake(t, true)
	f.answer = func(c *fakeConn, m *dbus.Message, method string) bool {
		if method != "StartTransientUnit" || len(m.Body[2].([][]any)) == 2 {
			return false
		}
		c.fail(m, "org.freedesktop.DBus.Error.PropertyReadOnly", "Cannot set property X, or unknown property.")
		return true
	}
	m := managerFor(f)
	defer m.disconnect()
	if err := m.start(append(some, property{"MemoryZSwapMax", bus.Uint64(1)})); err != nil {
		t.Fatal(err)
	}
	err := m.start(append(some, property{"Nonsense", bus.Uint64(1)}))
	if err == nil || !strings.Contains(err.Error(), "Cannot set property X, or unknown property. (systemd 252.1)") {
		t.Error(err)
	}
}

// A manager that executes itself anew is waited for, and finds the work that it had begun.
func TestReexecution(t *testing.T) {
	f := newFake(t, true)
	lost := 0
	f.answer = func(c *fakeConn, m *dbus.Message, method string) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		lost++
		if lost <= 2 {
			c.Close()
			return true
		}
		return false
	}
	m := managerFor(f)
	defer m.disconnect()
	if err := m.start(some); err != nil {
		t.Fatal(err)
	}
	if f.conns != 3 {
		t.Errorf("%d connections", f.conns)
	}
}

func TestNoManager(t *testing.T) {
	at := []bus.Address{{Path: t.TempDir() + "/absent", Direct: true}}
	m := &Manager{unit: "c.scope", system: true, at: at, idle: &idler{}}
	began := time.Now()
	err := m.start(some)
	if !errors.As(err, new(*bus.UnreachableError)) || !strings.Contains(err.Error(), "cannot be reached") ||
		m.hint(err) == "" || time.Since(began) > time.Second {
		t.Error(err)
	}
}

func TestAddresses(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/x")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/a%20b,guid=1;tcp:host=x;unix:abstract=c")
	list, err := addresses(false)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range list {
		if !strings.HasPrefix(a.Path, "/run/user/") {
			got = append(got, a.Path)
		}
		if a.Direct != strings.HasSuffix(a.Path, "/systemd/private") {
			t.Errorf("%+v", a)
		}
	}
	if want := []string{"/x/systemd/private", "/a b", "@c", "/x/bus"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/a%2")
	if _, err := addresses(false); err == nil {
		t.Error("an address that ends in an escape")
	}
}

func TestMapped(t *testing.T) {
	const text = "         0       1000          1\n         1     100000      65536\n"
	for uid, want := range map[uint32]uint32{0: 1000, 1: 100000, 65536: 165535} {
		if got, err := mapped([]byte(text), uid); err != nil || got != want {
			t.Errorf("%d: %d, %v", uid, got, err)
		}
	}
	if _, err := mapped([]byte(text), 70000); err == nil {
		t.Error("70000 is mapped")
	}
}
