package store

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
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
