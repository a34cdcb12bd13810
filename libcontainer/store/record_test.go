package store

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rung-oci/rung/libcontainer/process"
)

func full() *Record {
	return &Record{
		Program:     "0.1.0",
		ID:          "web",
		OCIVersion:  "1.3.0",
		Bundle:      "/srv/with space\nand \"quotes\"",
		Rootfs:      "/srv/\xff not UTF-8",
		Created:     time.Date(2026, 11, 23, 15, 54, 9, 123456789, time.UTC),
		UID:         1<<32 - 1,
		Annotations: map[string]string{"a b": "c\nd", "": "", "org.x/y": "z \" end"},
		Phase:       PhaseCreated,
		Init: process.Identity{Pid: 4711, StartTime: 1<<64 - 1,
			BootID: "6d1d9a0e-0000-4000-8000-000000000000"},
		ImageDev:       1,
		ImageIno:       2,
		PrivatePids:    true,
		Terminal:       true,
		Cgroup:         []byte(`{"paths":{"memory":"/x"}}`),
		HostNamespaces: 1 << 30,
		Streams:        [3]Stream{{Dev: 1, Ino: 1<<64 - 1}, {}, {Dev: 3, Ino: 4}},
		CRIU:           process.Identity{Pid: 4712, StartTime: 1<<64 - 2, BootID: "6d1d9a0e"},
	}
}

func TestRecordRoundTrip(t *testing.T) {
	for name, want := range map[string]*Record{
		"full":  full(),
		"empty": {Phase: PhaseCreating},
	} {
		text, err := want.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		got := &Record{Terminal: true, Annotations: map[string]string{"old": ""}}
		if err := got.UnmarshalText(text); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v\n%s", name, got, want, text)
		}
	}
}

// This is what version 1 looks like. Containers that have such a record are
// out there, so it has to be read for ever.
const version1 = `rung-record 1
program "0.1.0"
id "web"
ociVersion "1.3.0"
bundle "/srv/web"
rootfs "/srv/web/rootfs"
created "2026-11-23T15:54:09.123456789Z"
uid 1000
phase "created"
pid 4711
startTime 123
bootID "6d1d9a0e-0000-4000-8000-000000000000"
imageDev 1
imageIno 2
privatePids true
terminal false
cgroup "{}"
annotation "k" "v"
end
`

func TestRecordVersion1(t *testing.T) {
	want := &Record{
		Program:     "0.1.0",
		ID:          "web",
		OCIVersion:  "1.3.0",
		Bundle:      "/srv/web",
		Rootfs:      "/srv/web/rootfs",
		Created:     time.Date(2026, 11, 23, 15, 54, 9, 123456789, time.UTC),
		UID:         1000,
		Annotations: map[string]string{"k": "v"},
		Phase:       PhaseCreated,
		Init:        process.Identity{Pid: 4711, StartTime: 123, BootID: "6d1d9a0e-0000-4000-8000-000000000000"},
		ImageDev:    1,
		ImageIno:    2,
		PrivatePids: true,
		Cgroup:      []byte("{}"),
	}
	newer := strings.Replace(version1, "end\n", "colour \"blue\"\nlist\nend\n", 1)
	for _, text := range []string{version1, newer} {
		got := new(Record)
		if err := got.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	text, err := want.MarshalText()
	if err != nil || string(text) != version1 {
		t.Errorf("written now (%v):\n%s", err, text)
	}
}

func TestRecordErrors(t *testing.T) {
	for _, tt := range []struct{ old, new, err string }{
		{version1, "", "not a record"},
		{version1, `{"version":1}`, "not a record"},
		{"rung-record 1", "rung-record 2", `version "2"`},
		{"end\n", "", "cut off"},
		{"end\n", "end", "cut off"},
		{`"web"`, `"web`, "line 3: id"},
		{`"web"`, `web`, "line 3: id"},
		{"2026-11-23T", "yesterday", "created"},
		{"uid 1000", "uid -1", "uid"},
		{"uid 1000", "uid 4294967296", "uid"},
		{`"created"`, `"broken"`, "unknown phase"},
		{"pid 4711", "pid -4711", "pid"},
		{"pid 4711", "pid 2147483648", "pid"},
		{"terminal false", "terminal 7", "terminal"},
		{`"k" "v"`, `"k""v"`, "annotation"},
		{`"k" "v"`, `"k"`, "annotation"},
		{`"k" "v"`, `k v`, "annotation"},
	} {
		text := strings.Replace(version1, tt.old, tt.new, 1)
		err := new(Record).UnmarshalText([]byte(text))
		if err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("with %q for %q: %v, want an error with %q", tt.new, tt.old, err, tt.err)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(version1))
	text, _ := full().MarshalText()
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		var r, again Record
		if r.UnmarshalText(text) != nil || r.Phase == "" {
			return
		}
		once, _ := r.MarshalText()
		if err := again.UnmarshalText(once); err != nil {
			t.Fatalf("%v\n%s", err, once)
		}
		if twice, _ := again.MarshalText(); !bytes.Equal(once, twice) {
			t.Errorf("%s\nbecame\n%s", once, twice)
		}
	})
}
