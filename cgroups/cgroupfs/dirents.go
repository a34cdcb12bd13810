package cgroupfs

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// appendDirs appends the names of the directories in a buffer that getdents64
// filled, without "." and "..". An entry is (getdents(2))
//
//	u64 inode, u64 offset, u16 length, u8 type, name, NUL
func appendDirs(names []string, buf []byte) []string {
	const header = 8 + 8 + 2 + 1
	for len(buf) >= header {
		length := int(binary.NativeEndian.Uint16(buf[16:]))
		if length < header || length > len(buf) {
			return names
		}
		name, _, _ := bytes.Cut(buf[header:length], []byte{0})
		if buf[18] == unix.DT_DIR && string(name) != "." && string(name) != ".." {
			names = append(names, string(name))
		}
		buf = buf[length:]
	}
	return names
}
