package copyup

import (
	"fmt"
	"io"
	"math"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// copyData copies the first size bytes of a file to an empty one. The size is
// given so that a file which grows all the time has an end. What is not there
// any more becomes a hole.
func copyData(src, dst int, size int64) error {
	for offset := int64(0); offset < size; {
		start, end, err := nextData(src, offset, size)
		if err != nil {
			return err
		}
		if err := copyRange(src, dst, start, end); err != nil {
			return err
		}
		offset = end
	}
	return kernel.Failed(fmt.Sprintf("setting the size of %d bytes", size), unix.Ftruncate(dst, size))
}

// nextData returns the next range of a file that is not a hole, lseek(2). A
// filesystem without holes has one range.
func nextData(fd int, offset, size int64) (start, end int64, err error) {
	start, err = unix.Seek(fd, offset, unix.SEEK_DATA)
	switch err {
	case nil:
	case unix.ENXIO:
		return size, size, nil
	case unix.EINVAL, unix.EOPNOTSUPP:
		return offset, size, nil
	default:
		return 0, 0, fmt.Errorf("seeking data: %w", err)
	}
	end, err = unix.Seek(fd, start, unix.SEEK_HOLE)
	switch {
	case err == unix.ENXIO: // truncated meanwhile
		return size, size, nil
	case err != nil:
		return 0, 0, fmt.Errorf("seeking a hole: %w", err)
	case end <= start: // changed meanwhile: always go on
		end = size
	}
	return min(start, size), min(end, size), nil
}

// copyRange copies the bytes from start to end to the same place in dst.
func copyRange(src, dst int, start, end int64) error {
	if _, err := unix.Seek(dst, start, io.SeekStart); err != nil {
		return fmt.Errorf("seeking in the copy: %w", err)
	}
	transfer := sendfile
	for offset := start; offset < end; {
		n, err := kernel.RestartInt(func() (int, error) { return transfer(src, dst, offset, end-offset) })
		if err == unix.EINVAL || err == unix.ENOSYS {
			// A filesystem need not be able to splice.
			transfer = readWrite
			n, err = kernel.RestartInt(func() (int, error) { return transfer(src, dst, offset, end-offset) })
		}
		if err != nil {
			return fmt.Errorf("copying the data: %w", err)
		}
		if n == 0 {
			return nil
		}
		offset += int64(n)
	}
	return nil
}

func sendfile(src, dst int, offset, count int64) (int, error) {
	return unix.Sendfile(dst, src, &offset, int(min(count, math.MaxInt32&^0xfff)))
}

func readWrite(src, dst int, offset, count int64) (int, error) {
	buf := make([]byte, min(count, 64<<10))
	n, err := unix.Pread(src, buf, offset)
	for done := 0; err == nil && done < n; {
		var written int
		written, err = kernel.RestartInt(func() (int, error) { return unix.Write(dst, buf[done:n]) })
		done += written
	}
	return n, err
}
