package systemd

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/rung-oci/rung/cgroups/systemd/bus"
)

// A fakeManager is a service manager, with or without a bus between, which does what a test wants of
// each call. It speaks by godbus, which go-systemd is built on.
type fakeManager struct {
	t      *testing.T
	direct bool
	path   string

	mu    sync.Mutex
	calls []string
	conns int

	// answer, if not nil, decides on a call: what it returns is sent in place of the usual.
	answer func(f *fakeConn, call *dbus.Message, method string) (done bool)
	units  map[string]bool
}

type fakeConn struct {
	*fakeManager
	net.Conn
}

func newFake(t *testing.T, direct bool) *fakeManager {
	f := &fakeManager{t: t, direct: direct, path: filepath.Join(t.TempDir(), "socket"), units: map[string]bool{}}
	f.listen()
	return f
}

// listen listens until the test ends, or what it returns is called.
func (f *fakeManager) listen() (stop func()) {
	l, err := net.Listen("unix", f.path)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns++
			f.mu.Unlock()
			go f.serve(&fakeConn{fakeManager: f, Conn: c})
		}
	}()
	return func() { l.Close() }
}

func (f *fakeManager) address() []bus.Address { return []bus.Address{{Path: f.path, Direct: f.direct}} }

func (f *fakeManager) called() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *fakeManager) serve(c *fakeConn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch strings.TrimSpace(strings.TrimLeft(line, "\x00")) {
		case "AUTH EXTERNAL":
			io.WriteString(c, "DATA\r\n")
		case "DATA":
			io.WriteString(c, "OK 0123456789abcdef0123456789abcdef\r\n")
		case "BEGIN":
			f.messages(c, r)
			return
		default:
			io.WriteString(c, "REJECTED EXTERNAL\r\n")
		}
	}
}

func (f *fakeManager) messages(c *fakeConn, r io.Reader) {
	for {
		m, err := dbus.DecodeMessage(r)
		if err != nil {
			return
		}
		method, _ := m.Headers[dbus.FieldMember].Value().(string)
		if _, to := m.Headers[dbus.FieldDestination]; to == f.direct {
			f.t.Errorf("%s: destination %v, direct %v", method, to, f.direct)
		}
		f.mu.Lock()
		f.calls = append(f.calls, method)
		answer := f.answer
		f.mu.Unlock()
		if answer != nil && answer(c, m, method) {
			continue
		}
		c.usual(m, method)
	}
}

// usual is what a manager does that has no trouble.
func (c *fakeConn) usual(m *dbus.Message, method string) {
	switch method {
	case "StartTransientUnit":
		name := m.Body[0].(string)
		c.mu.Lock()
		there := c.units[name]
		c.units[name] = true
		c.mu.Unlock()
		if there {
			c.fail(m, "org.freedesktop.systemd1.UnitExists", "Unit "+name+" was already loaded or has a fragment file.")
			return
		}
		c.job(m, name, "done")
	case "StopUnit":
		name := m.Body[0].(string)
		c.mu.Lock()
		there := c.units[name]
		delete(c.units, name)
		c.mu.Unlock()
		if !there {
			c.fail(m, "org.freedesktop.systemd1.NoSuchUnit", "Unit "+name+" not loaded.")
			return
		}
		c.job(m, name, "done")
	case "ResetFailedUnit":
		c.mu.Lock()
		delete(c.units, m.Body[0].(string))
		c.mu.Unlock()
		c.reply(m)
	case "Get":
		c.reply(m, dbus.MakeVariant("252.1"))
	case "Hello":
		c.reply(m, ":1.5")
		c.signal("org.freedesktop.DBus", "NameAcquired", ":1.5")
	default:
		c.reply(m)
	}
}

// job answers with a job, among the signals of others, and tells of its end.
func (c *fakeConn) job(m *dbus.Message, unit, result string) (done bool) {
	c.removed("/job/1", "other.scope", "done")
	c.reply(m, dbus.ObjectPath("/job/77"))
	c.signal("org.freedesktop.systemd1.Manager", "UnitNew", unit, dbus.ObjectPath("/u"))
	c.removed("/job/78", "other.scope", "failed")
	c.removed("/job/77", unit, result)
	return true
}

func (c *fakeConn) removed(job, unit, result string) {
	c.signal("org.freedesktop.systemd1.Manager", "JobRemoved", uint32(77), dbus.ObjectPath(job), unit, result)
}

func (c *fakeConn) reply(m *dbus.Message, body ...any) (done bool) {
	c.write(dbus.TypeMethodReply, map[dbus.HeaderField]any{dbus.FieldReplySerial: m.Serial()}, body)
	return true
}

func (c *fakeConn) fail(m *dbus.Message, name, text string) {
	c.write(dbus.TypeError, map[dbus.HeaderField]any{dbus.FieldReplySerial: m.Serial(), dbus.FieldErrorName: name},
		[]any{text})
}

func (c *fakeConn) signal(iface, member string, body ...any) {
	c.write(dbus.TypeSignal, map[dbus.HeaderField]any{dbus.FieldPath: dbus.ObjectPath("/org/freedesktop/systemd1"),
		dbus.FieldInterface: iface, dbus.FieldMember: member}, body)
}

func (c *fakeConn) write(kind dbus.Type, headers map[dbus.HeaderField]any, body []any) {
	m := &dbus.Message{Type: kind, Headers: map[dbus.HeaderField]dbus.Variant{}, Body: body}
	for field, value := range headers {
		m.Headers[field] = dbus.MakeVariant(value)
	}
	if len(body) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
	}
	if err := m.EncodeTo(c, binary.LittleEndian); err != nil && !strings.Contains(err.Error(), "broken pipe") {
		fmt.Println(err)
	}
}
