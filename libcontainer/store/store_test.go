package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func newStore(t *testing.T) Store {
	t.Helper()
	s, err := New(filepath.Join(t.TempDir(), "root"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(t *testing.T, s Store, id string) *Dir {
	t.Helper()
	d, err := s.Create(id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := d.WriteRecord(&Record{ID: id, Phase: PhaseCreating}); err != nil {
		t.Fatal(err)
	}
	return d
}

func open(t *testing.T, s Store, id string) *Dir {
	t.Helper()
	d, err := s.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestNew(t *testing.T) {
	for _, tt := range []struct{ root, want string }{
		{"", DefaultRoot},
		{"/run/x/", "/run/x"},
		{"/a/../b", "/b"},
		{"/", ""},
		{"/a/..", ""},
	} {
		s, err := New(tt.root)
		if (err == nil) != (tt.want != "") || s.Root() != tt.want {
			t.Errorf("New(%q): %q, %v; want %q", tt.root, s.Root(), err, tt.want)
		}
	}
	s, err := New("rel")
	if err != nil || !filepath.IsAbs(s.Root()) {
		t.Errorf("New(rel): %q, %v", s.Root(), err)
	}
}

func TestCheckID(t *testing.T) {
	for _, id := range []string{"a", "A.b-c_d+9", "...", "-", strings.Repeat("x", 255)} {
		if err := CheckID(id); err != nil {
			t.Errorf("CheckID(%q): %v", id, err)
		}
	}
	for _, id := range []string{"", ".", "..", "a/b", "/", "a b", "ä", "a\x00", "a~", strings.Repeat("x", 256)} {
		if CheckID(id) == nil {
			t.Errorf("CheckID(%q) accepts it", id)
		}
	}
}

func TestCreate(t *testing.T) {
	s := newStore(t)
	d := create(t, s, "a")
	for _, path := range []string{s.Root(), d.Path()} {
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v; want mode 0700", path, st.Mode(), err)
		}
	}
	if st, err := os.Stat(d.Path() + "/record"); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("record: %v, %v; want mode 0600", st.Mode(), err)
	}
	if _, err := s.Create("a"); !errors.Is(err, ErrExist) {
		t.Errorf("second Create while locked: %v, want ErrExist", err)
	}
	d.Close()
	_, err := s.Create("a")
	if !errors.Is(err, ErrExist) || !strings.Contains(err.Error(), "container with given ID already exists") {
		t.Errorf("second Create: %v, want ErrExist", err)
	}
	if _, err := s.Create("a/b"); err == nil {
		t.Error("Create accepts the ID a/b")
	}
}

func TestOpenMissing(t *testing.T) {
	s := newStore(t)
	_, err := s.Open("a")
	if !errors.Is(err, ErrNotExist) || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("missing store: %v, want ErrNotExist", err)
	}
	create(t, s, "b")
	if _, err := s.Open("a"); !errors.Is(err, ErrNotExist) {
		t.Errorf("missing container: %v, want ErrNotExist", err)
	}
	if _, err := s.Open("../root"); err == nil {
		t.Error("Open leaves the store")
	}
}

func TestList(t *testing.T) {
	s := newStore(t)
	if _, err := s.List(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing explicit root: %v, want an error", err)
	}
	s.isDefault = true
	if ids, err := s.List(); len(ids) != 0 || err != nil {
		t.Errorf("missing default root: %v, %v", ids, err)
	}
	for _, id := range []string{"b", "a", "c"} {
		create(t, s, id)
	}
	if err := os.WriteFile(s.Root()+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.Root()+"/no~id", 0o700); err != nil {
		t.Fatal(err)
	}
	ids, err := s.List()
	if want := []string{"a", "b", "c"}; err != nil || !reflect.DeepEqual(ids, want) {
		t.Errorf("List: %v, %v; want %v", ids, err, want)
	}
}

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

// A process may be killed after each system call of create and delete. What
// is then there has to be swept, and to be no obstacle to a new create.
func TestDebris(t *testing.T) {
	for name, leave := range map[string]func(t *testing.T, s Store){
		"mkdir": func(t *testing.T, s Store) {
			if err := os.MkdirAll(s.Root()+"/a", 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"first record half written": func(t *testing.T, s Store) {
			d, err := s.Create("a")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(d.Path()+"/record.new", []byte("rung-re"), 0o600); err != nil {
				t.Fatal(err)
			}
			d.Close()
		},
		"record removed": func(t *testing.T, s Store) {
			d := create(t, s, "a")
			if err := d.WriteFile(ConfigName, []byte("{}")); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(d.Path() + "/record"); err != nil {
				t.Fatal(err)
			}
			d.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			leave(t, s)
			if _, err := open(t, s, "a").Record(); !errors.Is(err, ErrNotExist) {
				t.Errorf("Record: %v, want ErrNotExist", err)
			}
			if err := s.Sweep("a"); err != nil {
				t.Error(err)
			}
			if ids, err := s.List(); len(ids) != 0 || err != nil {
				t.Errorf("after Sweep: %v, %v", ids, err)
			}
			leave(t, s)
			create(t, s, "a")
		})
	}
}

func TestSweepLeavesContainers(t *testing.T) {
	s := newStore(t)
	if err := s.Sweep("a"); err != nil {
		t.Errorf("nothing there: %v", err)
	}
	d := create(t, s, "a")
	if err := os.WriteFile(d.Path()+"/record", []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Close()
	if err := s.Sweep("a"); err != nil {
		t.Error(err)
	}
	if _, err := s.Open("a"); err != nil {
		t.Errorf("swept away: %v", err)
	}
	busy, err := s.Create("b") // has no record yet
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	if err := s.Sweep("b"); !errors.Is(err, ErrLocked) {
		t.Errorf("Sweep of a locked directory: %v, want ErrLocked", err)
	}
}

// Many processes create, sweep and remove the same container at once: there
// is never more than one that has it, and in the end there is nothing.
func TestConcurrentLives(t *testing.T) {
	s := newStore(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	alive, lives := 0, 0
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if err := s.Sweep("a"); err != nil && !errors.Is(err, ErrLocked) {
					t.Error(err)
				}
				d, err := s.Create("a")
				if errors.Is(err, ErrExist) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				alive++
				lives++
				if alive > 1 {
					t.Errorf("%d containers with one ID", alive)
				}
				mu.Unlock()
				if err := d.WriteRecord(&Record{ID: "a", Phase: PhaseCreating}); err != nil {
					t.Error(err)
				}
				mu.Lock()
				alive--
				mu.Unlock()
				if err := d.Remove(); err != nil {
					t.Error(err)
				}
				d.Close()
			}
		})
	}
	wg.Wait()
	if lives == 0 {
		t.Error("nobody could create it")
	}
	if ids, err := s.List(); len(ids) != 0 || err != nil {
		t.Errorf("left behind: %v, %v", ids, err)
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

func TestLockTimeout(t *testing.T) {
	s := newStore(t)
	holder := create(t, s, "a")
	d := open(t, s, "a")
	if busy, err := d.Busy(); !busy || err != nil {
		t.Errorf("Busy: %v, %v; want true", busy, err)
	}
	begin := time.Now()
	err := d.Lock(30 * time.Millisecond)
	if !errors.Is(err, ErrLocked) {
		t.Fatalf("Lock: %v, want ErrLocked", err)
	}
	if want := fmt.Sprintf("process %d (", os.Getpid()); !strings.Contains(err.Error(), want) {
		t.Errorf("Lock: %q does not name the holder, %q", err, want)
	}
	if took := time.Since(begin); took < 30*time.Millisecond {
		t.Errorf("Lock gave up after %v", took)
	}
	holder.Close()
	if busy, err := d.Busy(); busy || err != nil {
		t.Errorf("Busy: %v, %v; want false", busy, err)
	}
	if err := d.Lock(0); err != nil {
		t.Errorf("Lock after the holder's end: %v", err)
	}
	if busy, err := d.Busy(); busy || err != nil {
		t.Errorf("Busy with its own lock: %v, %v; want false", busy, err)
	}
}

func TestLockWaits(t *testing.T) {
	s := newStore(t)
	holder := create(t, s, "a")
	d := open(t, s, "a")
	done := make(chan error)
	go func() { done <- d.Lock(time.Minute) }()
	time.Sleep(20 * time.Millisecond)
	holder.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Whoever waited for a container that was then deleted must not take its
// successor, or nothing, for it.
func TestLockOfRemoved(t *testing.T) {
	for _, successor := range []bool{false, true} {
		s := newStore(t)
		holder := create(t, s, "a")
		d := open(t, s, "a")
		if err := holder.Remove(); err != nil {
			t.Fatal(err)
		}
		holder.Close()
		if successor {
			create(t, s, "a")
		}
		if err := d.Lock(time.Second); !errors.Is(err, ErrNotExist) {
			t.Errorf("successor %v: %v, want ErrNotExist", successor, err)
		}
	}
}

func TestFindLock(t *testing.T) {
	const locks = `1: POSIX  ADVISORY  WRITE 1 00:1a:12 0 EOF
2: FLOCK  ADVISORY  WRITE 2 00:1a:123 0 EOF
3: FLOCK  ADVISORY  WRITE 3 103:02:12 0 EOF
3: -> FLOCK  ADVISORY  WRITE 4 103:02:12 0 EOF
4: FLOCK  ADVISORY  WRITE 5 00:1a:12 0 EOF
`
	for _, tt := range []struct {
		major, minor uint32
		ino          uint64
		want         int
	}{{0, 0x1a, 12, 5}, {0x103, 2, 12, 3}, {0, 0x1a, 123, 2}, {0, 0x1a, 1, 0}} {
		if got := findLock(strings.NewReader(locks), tt.major, tt.minor, tt.ino); got != tt.want {
			t.Errorf("findLock(%x:%x:%d) = %d, want %d", tt.major, tt.minor, tt.ino, got, tt.want)
		}
	}
}
