package userprocess

import (
	"bufio"
	"bytes"
	"io"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// Home is the home directory that the container's own /etc/passwd gives a user,
// "/" if it does not say. The image may have a device in its place, or a link.
func Home(root int, uid uint32) string {
	fd, err := kernel.OpenRegular(root, "etc/passwd")
	if err != nil {
		return "/"
	}
	defer unix.Close(fd)
	const most = 1 << 20
	id := []byte(strconv.FormatUint(uint64(uid), 10))
	for lines := bufio.NewScanner(io.LimitReader(kernel.Reader(fd), most)); lines.Scan(); {
		// name, password, uid, gid, comment, home, shell: passwd(5)
		fields := bytes.Split(lines.Bytes(), []byte{':'})
		if len(fields) >= 6 && bytes.Equal(fields[2], id) && len(fields[5]) > 0 {
			return string(fields[5])
		}
	}
	return "/"
}
