package libcontainer

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/libcontainer/store"
)

func TestStatus(t *testing.T) {
	const d, z, r = process.Dead, process.Zombie, process.Running
	for _, tt := range []struct {
		facts facts
		want  Status
	}{
		{facts{phase: store.PhaseCreating, creator: true, init: d}, Creating},
		{facts{phase: store.PhaseCreating, creator: true, init: r, image: true}, Creating},
		{facts{phase: store.PhaseCreating, creator: true, init: z}, Creating},
		{facts{phase: store.PhaseCreating, init: d}, Stopped},
		{facts{phase: store.PhaseCreating, init: z}, Stopped},
		{facts{phase: store.PhaseCreating, init: r, image: true}, Creating},
		{facts{phase: store.PhaseCreated, init: r, image: true}, Created},
		{facts{phase: store.PhaseCreated, init: r}, Running},
		{facts{phase: store.PhaseCreated, init: r, frozen: true}, Paused},
		{facts{phase: store.PhaseCreated, init: r, image: true, frozen: true}, Paused},
		{facts{phase: store.PhaseCreated, init: z}, Stopped},
		{facts{phase: store.PhaseCreated, init: d, frozen: true}, Stopped},
	} {
		if got := tt.facts.status(); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.facts, got, tt.want)
		}
	}
}

func newStore(t *testing.T) store.Store {
	t.Helper()
	s, err := store.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// create makes the directory and the record of a container, and opens it once more for who looks.
func create(t *testing.T, s store.Store) (creator, d *store.Dir) {
	t.Helper()
	creator, err := s.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	if err := creator.WriteRecord(&store.Record{ID: "a", Phase: store.PhaseCreating}); err != nil {
		t.Fatal(err)
	}
	if d, err = s.Open("a"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { creator.Close(); d.Close() })
	return creator, d
}

func inspect(d *store.Dir) (*store.Record, facts, error) {
	r, err := d.Record()
	if err != nil {
		return nil, facts{}, err
	}
	c := &container{dir: d, record: r}
	f, err := c.inspect()
	return c.record, f, err
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

	creator, d := create(t, newStore(t))
	check := func(r store.Record, want Status) {
		t.Helper()
		r.ID = "a"
		if err := creator.WriteRecord(&r); err != nil {
			t.Fatal(err)
		}
		got, f, err := inspect(d)
		if err != nil {
			t.Fatal(err)
		}
		if got.Phase != r.Phase || f.status() != want {
			t.Errorf("%+v: %+v, %s; want %s", r, f, f.status(), want)
		}
	}
	check(store.Record{Phase: store.PhaseCreating}, Creating)
	check(store.Record{Phase: store.PhaseCreated, Init: self, ImageDev: dev, ImageIno: ino}, Created)
	check(store.Record{Phase: store.PhaseCreated, Init: self, ImageDev: dev, ImageIno: ino + 1}, Running)
	check(store.Record{Phase: store.PhaseCreated, Init: gone, ImageDev: dev, ImageIno: ino}, Stopped)
	if err := unix.Flock(creator.Fd(), unix.LOCK_UN); err != nil { // as if it were dead
		t.Fatal(err)
	}
	check(store.Record{Phase: store.PhaseCreating}, Stopped)
	check(store.Record{Phase: store.PhaseCreating, Init: self, ImageDev: dev, ImageIno: ino}, Creating)
	if err := creator.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := inspect(d); !errors.Is(err, store.ErrNotExist) {
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
		creator, d := create(t, s)
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := creator.WriteRecord(&store.Record{ID: "a", Phase: store.PhaseCreated, Init: self}); err != nil {
				t.Error(err)
			}
			unix.Flock(creator.Fd(), unix.LOCK_UN)
		}()
		for status := Creating; status == Creating; {
			_, f, err := inspect(d)
			if err != nil {
				t.Fatal(err)
			}
			status = f.status()
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
