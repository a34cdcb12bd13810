package copyup

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSparse(t *testing.T) {
	const size = 1 << 40
	root := t.TempDir()
	f, err := os.Create(root + "/sparse")
	must(t, err)
	defer f.Close()
	must(t, f.Truncate(size))
	_, err = f.WriteAt([]byte("middle"), size/2)
	must(t, err)
	to := tmpfs(t, "size", "1m")
	must(t, Copy(openPath(t, root), to))

	var st unix.Stat_t
	must(t, unix.Stat(pathOf(to)+"sparse", &st))
	if st.Size != size || st.Blocks > 64 {
		t.Errorf("%d bytes, %d blocks", st.Size, st.Blocks)
	}
	c, err := os.Open(pathOf(to) + "sparse")
	must(t, err)
	defer c.Close()
	b := make([]byte, 8)
	_, err = c.ReadAt(b, size/2)
	must(t, err)
	if string(b) != "middle\x00\x00" {
		t.Errorf("read %q", b)
	}
}

// TestReadWrite tests what stands in for sendfile.
func TestReadWrite(t *testing.T) {
	root := t.TempDir()
	content := strings.Repeat("x", 100_000) + "end"
	write(t, root+"/a", content)
	a, err := os.Open(root + "/a")
	must(t, err)
	defer a.Close()
	b, err := os.Create(root + "/b")
	must(t, err)
	defer b.Close()
	offset := int64(0)
	for offset < int64(len(content)) {
		n, err := readWrite(int(a.Fd()), int(b.Fd()), offset, int64(len(content))-offset)
		must(t, err)
		if n == 0 {
			t.Fatal("nothing read")
		}
		offset += int64(n)
	}
	got, err := os.ReadFile(root + "/b")
	must(t, err)
	if string(got) != content {
		t.Errorf("%d bytes, want %d", len(got), len(content))
	}
}

func TestNoSpace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting a small tmpfs needs root")
	}
	root := t.TempDir() + "/"
	must(t, os.MkdirAll(root+"a/b", 0o755))
	write(t, root+"a/b/large", strings.Repeat("x", 1<<20))
	err := Copy(openPath(t, root), tmpfs(t, "size", "64k"))
	if !errors.Is(err, unix.ENOSPC) || !strings.HasPrefix(err.Error(), `copying up "a/b/large": copying the data: `) {
		t.Errorf("error %v", err)
	}
	err = Copy(openPath(t, root), tmpfs(t, "nr_inodes", "3"))
	if !errors.Is(err, unix.ENOSPC) || !strings.HasPrefix(err.Error(), `copying up "a/b/large": creating the copy: `) {
		t.Errorf("error %v", err)
	}
}
