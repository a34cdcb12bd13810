package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRemove(t *testing.T) {
	s := newStore(t)
	d := create(t, s, "a")
	for _, name := range []string{ConfigName, StartName, ReportName} {
		if err := d.WriteFile(name, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(d.Path(), NotifyName), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.Path(), NotifyName, NotifySock), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(d.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
	if _, err := d.Record(); !errors.Is(err, ErrNotExist) {
		t.Errorf("Record of a removed container: %v", err)
	}
	create(t, s, "a")
}

func TestRemoveNamesForeignFile(t *testing.T) {
	s := newStore(t)
	d := create(t, s, "a")
	foreign := d.Path() + "/precious"
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Remove(); err == nil || !strings.Contains(err.Error(), "precious") {
		t.Errorf("Remove: %v, want an error that names the file", err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("the file was removed: %v", err)
	}
	if _, err := d.Record(); !errors.Is(err, ErrNotExist) {
		t.Errorf("it is still a container: %v", err)
	}
}

// Readers take no lock, and see one whole record or another.
func TestReadWhileWriting(t *testing.T) {
	s := newStore(t)
	d := create(t, s, "a")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 300 {
			r := Record{ID: "a", Phase: PhaseCreated, Bundle: strings.Repeat(fmt.Sprint(i%10), 3000)}
			if err := d.WriteRecord(&r); err != nil {
				t.Error(err)
			}
		}
	}()
	reader := open(t, s, "a")
	for {
		r, err := reader.Record()
		if err != nil {
			t.Fatal(err)
		}
		if b := r.Bundle; b != "" && b != strings.Repeat(b[:1], 3000) {
			t.Fatal("a record that nobody wrote")
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestRecordOfAnotherContainer(t *testing.T) {
	s := newStore(t)
	d := create(t, s, "a")
	if err := d.WriteRecord(&Record{ID: "b", Phase: PhaseCreated}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Record(); err == nil || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("Record: %v", err)
	}
}

func TestProcPath(t *testing.T) {
	s := newStore(t)
	d := create(t, s, "a")
	if err := d.WriteFile(ConfigName, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(d.ProcPath(ConfigName)); string(b) != "{}" || err != nil {
		t.Errorf("%s: %q, %v", d.ProcPath(ConfigName), b, err)
	}
	if b, err := d.ReadFile(ConfigName); string(b) != "{}" || err != nil {
		t.Errorf("ReadFile: %q, %v", b, err)
	}
}

func BenchmarkRecord(b *testing.B) {
	s, err := New(filepath.Join(b.TempDir(), "root"))
	if err != nil {
		b.Fatal(err)
	}
	d, err := s.Create("a")
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	r := full()
	r.ID = "a"
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			if err := d.WriteRecord(r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Record(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
