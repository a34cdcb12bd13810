package executable

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// tree makes a rootfs. A name that ends in "/" is a directory, a content that
// begins with "-> " a symbolic link; regular files are executable unless the
// name ends in "-x", which is taken off.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		mode := os.FileMode(0o755)
		name, plain := strings.CutSuffix(name, "-x")
		if plain {
			mode = 0o644
		}
		full := filepath.Join(root, name)
		check(os.MkdirAll(filepath.Dir(full), 0o755))
		target, link := strings.CutPrefix(content, "-> ")
		switch {
		case strings.HasSuffix(name, "/"):
			check(os.MkdirAll(full, 0o755))
		case link:
			check(os.Symlink(target, full))
		default:
			check(os.WriteFile(full, []byte(content), mode))
		}
	}
	return root
}

// finder looks in a directory as root would.
func finder(t testing.TB, root string) *Finder {
	t.Helper()
	fd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return &Finder{Root: fd, Path: "/usr/local/bin:/usr/bin:/bin", Cwd: "/", Override: true}
}

// program makes a 64-bit little-endian ELF file with one program header,
// PT_INTERP when loader is given, PT_NULL else.
func program(machine, kind uint16, loader string) string {
	le := binary.LittleEndian
	b := make([]byte, 64+56)
	copy(b, unix.ELFMAG)
	b[4], b[5], b[6] = unix.ELFCLASS64, 1, 1
	le.PutUint16(b[16:], kind)
	le.PutUint16(b[18:], machine)
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[32:], 64) // e_phoff
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[54:], 56) // e_phentsize
	le.PutUint16(b[56:], 1)  // e_phnum
	if loader != "" {
		ph := b[64:]
		le.PutUint32(ph, unix.PT_INTERP)
		le.PutUint64(ph[8:], uint64(len(b)))
		le.PutUint64(ph[32:], uint64(len(loader)+1))
		b = append(append(b, loader...), 0)
	}
	return string(b)
}
