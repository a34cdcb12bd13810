package cmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/user"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/libcontainer/store"
	"github.com/rung-oci/rung/spec"
)

// stateJSON is state's output as go-runc and the specification define it.
type stateJSON struct {
	specs.State
	Rootfs  string    `json:"rootfs"`
	Created time.Time `json:"created"`
	Owner   *string   `json:"owner"`
}

var created = time.Date(2026, 11, 23, 15, 54, 9, 123456789, time.FixedZone("", 3600))

const odd = "a \"quote\", \\ <&>, \x01\n\t, ä, \u2028 and \xff"

func testState() *libcontainer.State {
	return &libcontainer.State{
		State: specs.State{Version: "1.3.0", ID: "c1", Pid: 42, Status: specs.StateRunning, Bundle: "/b/" + odd,
			Annotations: map[string]string{"org.example.b": "2", "org.example.a": odd}},
		Rootfs: "/b/rootfs", Created: created, UID: uint32(os.Getuid()),
	}
}

func TestAppendState(t *testing.T) {
	text := appendState(nil, testState(), "", "")
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var got stateJSON
	if err := d.Decode(&got); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	valid := strings.ToValidUTF8(odd, "\ufffd")
	if got.Version != "1.3.0" || got.ID != "c1" || got.Pid != 42 || got.Status != specs.StateRunning ||
		got.Bundle != "/b/"+valid ||
		got.Rootfs != "/b/rootfs" || !got.Created.Equal(created) || got.Owner == nil || *got.Owner != "" ||
		!maps.Equal(got.Annotations, map[string]string{"org.example.b": "2", "org.example.a": valid}) {
		t.Errorf("got %+v from %s", got, text)
	}
}

// The layout is that of encoding/json.
func TestStateLayout(t *testing.T) {
	s := testState()
	for range 2 {
		text := appendState(nil, s, "me", "  ")
		var want bytes.Buffer
		if err := json.Indent(&want, text, "  ", "  "); err != nil {
			t.Fatal(err)
		}
		if string(text) != want.String() {
			t.Errorf("got %s, want %s", text, want.String())
		}
		s.Annotations = nil
	}
	if text := appendState(nil, s, "me", ""); bytes.Contains(text, []byte("annotations")) {
		t.Errorf("no annotations, but %s", text)
	}
}

func FuzzAppendString(f *testing.F) {
	f.Add(odd)
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(spec.AppendString(nil, s), &got); err != nil || got != string([]rune(s)) {
			t.Errorf("%q became %q, %v", s, got, err)
		}
	})
}

// addContainer makes a container of which nothing runs.
func addContainer(t *testing.T, root, id string) {
	t.Helper()
	s, err := store.New(root)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := s.Create(id)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	record := &store.Record{Program: "0.1.0", ID: id, OCIVersion: "1.3.0", Bundle: "/b", Rootfs: "/b/rootfs",
		Created: created,
		UID:     uint32(os.Getuid()), Annotations: map[string]string{"k": "v"}, Phase: store.PhaseCreated}
	if err := dir.WriteRecord(record); err != nil {
		t.Fatal(err)
	}
}

func TestList(t *testing.T) {
	root := t.TempDir()
	for _, tt := range []struct{ args, want string }{
		{"list", "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n"},
		{"list -q", ""},
		{"list --format json", "null\n"},
	} {
		if got := rung(t, root, strings.Fields(tt.args)...); got.code != 0 || got.stdout != tt.want {
			t.Errorf("%s without containers: exit code %d, %q; want %q", tt.args, got.code, got.stdout, tt.want)
		}
	}
	addContainer(t, root, "two")
	addContainer(t, root, "one")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}

	if got := rung(t, root, "list", "-q"); got.stdout != "one\ntwo\n" {
		t.Errorf("list -q: %q", got.stdout)
	}
	got := rung(t, root, "list", "--format=table")
	lines := strings.Split(got.stdout, "\n")
	want := []string{"one", "0", "stopped", "/b", "2026-11-23T14:54:09.123456789Z", me.Username}
	if len(lines) != 4 || strings.Join(strings.Fields(lines[1]), " ") != strings.Join(want, " ") {
		t.Errorf("list: %q, want %q", lines, want)
	}
	got = rung(t, root, "list", "-f", "json")
	var list []stateJSON
	if err := json.Unmarshal([]byte(got.stdout), &list); err != nil {
		t.Fatalf("%v in %s", err, got.stdout)
	}
	if strings.Count(got.stdout, "\n") != 1 || !strings.Contains(got.stdout, `,"id":"two",`) {
		t.Errorf("list -f json is not one line: %s", got.stdout)
	}
	if len(list) != 2 || list[1].ID != "two" || list[1].Status != "stopped" || *list[1].Owner != me.Username ||
		list[1].Annotations["k"] != "v" {
		t.Errorf("list -f json: %+v", list)
	}
}

func TestState(t *testing.T) {
	root := t.TempDir()
	addContainer(t, root, "one")
	got := rung(t, root, "state", "one")
	const want = `{
  "ociVersion": "1.3.0",
  "id": "one",
  "pid": 0,
  "status": "stopped",
  "bundle": "/b",
  "rootfs": "/b/rootfs",
  "created": "2026-11-23T14:54:09.123456789Z",
  "annotations": {
    "k": "v"
  },
  "owner": ""
}
`
	if got.code != 0 || got.stdout != want {
		t.Errorf("exit code %d, %s; want %s", got.code, got.stdout, want)
	}
}

func TestOwner(t *testing.T) {
	if got := owner(0); got != "root" {
		t.Errorf("user 0 is %q", got)
	}
	if got := owner(4294967294); got != "#4294967294" {
		t.Errorf("a user without a name is %q", got)
	}
}

// What a name has in it stays in its cell.
func TestTableCells(t *testing.T) {
	s := &libcontainer.State{Rootfs: "/r\x1b[2J"}
	s.ID, s.Bundle, s.Annotations = "one", "/a\nb c", map[string]string{"k": "a\tb", "l": "ü"}
	var list, state bytes.Buffer
	if err := errors.Join(writeTable(&list, []*libcontainer.State{s}),
		writeStateTable(&state, s, created)); err != nil {
		t.Fatal(err)
	}
	if rows := strings.Split(list.String(), "\n"); len(rows) != 3 || !strings.Contains(rows[1], `  "/a\nb c"  `) {
		t.Errorf("list: %q", rows)
	}
	for _, want := range []string{`bundle      "/a\nb c"`, `rootfs      "/r\x1b[2J"`, `annotation  "k=a\tb"`,
		"annotation  l=ü"} {
		if !strings.Contains(state.String(), want+"\n") {
			t.Errorf("state lacks %s:\n%s", want, state.String())
		}
	}
}
