package executable

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// binfmtMisc is where the kernel shows formats that were registered, such as
// those of other machines with an emulator
// (Documentation/admin-guide/binfmt-misc.rst).
const binfmtMisc = "/proc/sys/fs/binfmt_misc"

// registered reports whether the kernel hands a file to a registered interpreter.
func registered(dir string, head []byte, name string) bool {
	if status, err := os.ReadFile(filepath.Join(dir, "status")); err != nil || string(status) != "enabled\n" {
		return false
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if e.Name() == "status" || e.Name() == "register" {
			continue
		}
		if text, err := os.ReadFile(filepath.Join(dir, e.Name())); err == nil && matches(string(text), head, name) {
			return true
		}
	}
	return false
}

// matches reads one registered format.
func matches(text string, head []byte, name string) bool {
	if !strings.HasPrefix(text, "enabled\n") {
		return false
	}
	var magic, mask []byte
	offset := 0
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch key {
		case "extension":
			return filepath.Ext(name) == value
		case "offset":
			offset, _ = strconv.Atoi(value)
		case "magic":
			magic, _ = hex.DecodeString(value)
		case "mask":
			mask, _ = hex.DecodeString(value)
		}
	}
	if len(magic) == 0 || offset < 0 || len(head) < offset+len(magic) {
		return false
	}
	got := bytes.Clone(head[offset : offset+len(magic)])
	want := bytes.Clone(magic)
	for i := range got {
		if i < len(mask) {
			got[i] &= mask[i]
			want[i] &= mask[i]
		}
	}
	return bytes.Equal(got, want)
}
