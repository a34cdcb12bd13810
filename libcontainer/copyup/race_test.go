package copyup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestReopenMoved moves a directory away before its parent is opened again.
func TestReopenMoved(t *testing.T) {
	root := t.TempDir() + "/"
	must(t, os.MkdirAll(root+"from/parent/child", 0o755))
	must(t, os.MkdirAll(root+"to/parent/child", 0o755))
	must(t, os.MkdirAll(root+"outside", 0o755))
	at := func(path string) int { return openPath(t, root+path) }
	child := directory{src: at("from/parent/child"), dst: at("to/parent/child")}
	parent := directory{}
	var err error
	parent.attr, err = stat(at("from/parent"))
	must(t, err)

	must(t, parent.reopen(&child))
	parent.close()
	must(t, os.Rename(root+"from/parent/child", root+"outside/child"))
	if err := parent.reopen(&child); err != errMoved || parent.open {
		t.Errorf("error %v, open %v", err, parent.open)
	}
	must(t, os.Rename(root+"outside/child", root+"from/parent/child"))
	must(t, parent.reopen(&child))
	parent.close()
}

func TestVanished(t *testing.T) {
	w := &walk{}
	root := openPath(t, t.TempDir())
	if err := w.copy(root, root, "gone"); err != nil {
		t.Error(err)
	}
}

// exchange swaps two names until it is told to stop.
func exchange(stop <-chan struct{}, a, b string) {
	for {
		select {
		case <-stop:
			return
		default:
			unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
		}
	}
}

// TestRace copies a tree in which files and directories change places with
// symbolic links, fifos and directories outside. Nothing from outside may be
// in the copy, and nothing may block.
func TestRace(t *testing.T) {
	const secret = "secret from outside"
	base := t.TempDir() + "/"
	must(t, os.MkdirAll(base+"outside/z", 0o755))
	write(t, base+"outside/file", secret)
	write(t, base+"outside/z/file", secret)
	root := base + "root/"
	must(t, os.MkdirAll(root+"dir/x/y", 0o755))
	write(t, root+"dir/file", "inside")
	write(t, root+"dir/x/y/file", "inside")
	write(t, root+"file", "inside")
	write(t, root+"other", "inside")
	must(t, os.Symlink(base+"outside", root+"link"))
	must(t, os.Symlink(base+"outside/file", root+"filelink"))
	must(t, unix.Mkfifo(root+"fifo", 0o600))
	deep := root + "deep" + strings.Repeat("/d", 2*window)
	must(t, os.MkdirAll(deep, 0o755))
	must(t, os.Mkdir(root+"spare", 0o755))

	stop := make(chan struct{})
	var racers sync.WaitGroup
	for _, names := range [][2]string{
		{root + "dir", root + "link"},
		{root + "file", root + "filelink"},
		{root + "other", root + "fifo"},
		{root + "deep/d/d", root + "spare"},
		{root + "dir/x/y", root + "fifo"},
	} {
		racers.Go(func() { exchange(stop, names[0], names[1]) })
	}
	defer racers.Wait()
	defer close(stop)

	from := openPath(t, root)
	copies, failures := 0, 0
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
		to := tmpfs(t, "mode", "0755")
		err := Copy(from, to)
		if err != nil && !errors.Is(err, errMoved) {
			t.Fatal(err)
		}
		if copies++; err != nil {
			failures++
		}
		must(t, filepath.WalkDir(pathOf(to), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			if err == nil && string(b) != "inside" {
				t.Errorf("%s: %q", path, b)
			}
			return err
		}))
		if t.Failed() {
			break
		}
	}
	if copies == failures {
		t.Errorf("none of %d copies succeeded", copies)
	}
	t.Logf("%d copies, of which %d saw a directory move", copies, failures)
}
