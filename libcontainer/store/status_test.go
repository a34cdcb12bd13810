package store

import (
	"errors"
	"os"
	"testing"

	"github.com/rung-oci/rung/libcontainer/process"
	"golang.org/x/sys/unix"
)

func TestStatus(t *testing.T) {
	const d, z, r = process.Dead, process.Zombie, process.Running
	for _, tt := range []struct {
		facts Facts
		want  Status
	}{
		{Facts{Phase: PhaseCreating, Creator: true, Init: d}, Creating},
		{Facts{Phase: PhaseCreating, Creator: true, Init: r, Image: true}, Creating},
		{Facts{Phase: PhaseCreating, Creator: true, Init: z}, Creating},
		{Facts{Phase: PhaseCreating, Init: d}, Stopped},
		{Facts{Phase: PhaseCreating, Init: z}, Stopped},
		{Facts{Phase: PhaseCreating, Init: r, Image: true}, Creating},
		{Facts{Phase: PhaseCreated, Init: r, Image: true}, Created},
		{Facts{Phase: PhaseCreated, Init: r}, Running},
		{Facts{Phase: PhaseCreated, Init: r, Frozen: true}, Paused},
		{Facts{Phase: PhaseCreated, Init: r, Image: true, Frozen: true}, Paused},
		{Facts{Phase: PhaseCreated, Init: z}, Stopped},
		{Facts{Phase: PhaseCreated, Init: d, Frozen: true}, Stopped},
	} {
		if got := tt.facts.Status(); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.facts, got, tt.want)
		}
	}
}

func inspect(d *Dir) (*Record, Facts, error) {
	r, err := d.Record()
	if err != nil {
		return nil, Facts{}, err
	}
	return d.Inspect(r)
}

func TestInspect(t *testing.T) {
	self, err := process.Of(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	gone := self
	gone.StartTime++
	var exe unix.Stat_t
	if err := unix.Stat("/proc/self/exe", &exe); err != nil {
		t.Fatal(err)
	}
	dev, ino := uint64(exe.Dev), exe.Ino

	s := newStore(t)
	creator := create(t, s, "a")
	d := open(t, s, "a")
	check := func(r Record, want Status) {
		t.Helper()
		r.ID = "a"
		if err := creator.WriteRecord(&r); err != nil {
			t.Fatal(err)
		}
		got, f, err := inspect(d)
		if err != nil {
			t.Fatal(err)
		}
		if got.Phase != r.Phase || f.Status() != want {
			t.Errorf("%+v: %+v, %s; want %s", r, f, f.Status(), want)
		}
	}
	check(Record{Phase: PhaseCreating}, Creating)
	check(Record{Phase: PhaseCreated, Init: self, ImageDev: dev, ImageIno: ino}, Created)
	check(Record{Phase: PhaseCreated, Init: self, ImageDev: dev, ImageIno: ino + 1}, Running)
	check(Record{Phase: PhaseCreated, Init: gone, ImageDev: dev, ImageIno: ino}, Stopped)
	if err := unix.Flock(creator.Fd(), unix.LOCK_UN); err != nil { // as if it were dead
		t.Fatal(err)
	}
	check(Record{Phase: PhaseCreating}, Stopped)
	check(Record{Phase: PhaseCreating, Init: self, ImageDev: dev, ImageIno: ino}, Creating)
	if err := creator.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := inspect(d); !errors.Is(err, ErrNotExist) {
		t.Errorf("removed: %v, want ErrNotExist", err)
	}
}

// A container whose creation ends while somebody looks is never stopped.
func TestInspectWhileCreating(t *testing.T) {
	self, err := process.Of(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(t)
	for range 200 {
		creator := create(t, s, "a")
		d := open(t, s, "a")
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := creator.WriteRecord(&Record{ID: "a", Phase: PhaseCreated, Init: self}); err != nil {
				t.Error(err)
			}
			unix.Flock(creator.Fd(), unix.LOCK_UN)
		}()
		for status := Creating; status == Creating; {
			_, f, err := inspect(d)
			if err != nil {
				t.Fatal(err)
			}
			status = f.Status()
			if status != Creating && status != Running {
				t.Fatalf("%s: %+v", status, f)
			}
		}
		<-done
		if err := creator.Remove(); err != nil {
			t.Fatal(err)
		}
	}
}
