package external

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/criu"
)

// ignoreName is an empty file among the images that tells that the container's cgroups
// are to be ignored: see SaveMode.
const ignoreName = "rung.ignore-cgroups"

// SaveMode keeps or removes that file: there may be images of an earlier checkpoint.
func SaveMode(dir int, mode criu.Mode) error {
	err := removeAmong(dir, ignoreName)
	if err == nil && mode == criu.Ignore {
		err = writeAmong(dir, ignoreName, nil)
	}
	return kernel.Failed("saving how cgroups are restored", err)
}

// IgnoresCgroups reports whether the images tell so.
func IgnoresCgroups(dir int) bool { return unix.Faccessat(dir, ignoreName, unix.F_OK, 0) == nil }

// writeAmong makes a file among the images. Their directory may be another user's:
// nothing that is there already is written to, least of all where a link leads.
func writeAmong(dir int, name string, data []byte) error {
	if err := removeAmong(dir, name); err != nil {
		return err
	}
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name)
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func removeAmong(dir int, name string) error {
	if err := unix.Unlinkat(dir, name, 0); err != nil && err != unix.ENOENT {
		return &fs.PathError{Op: "unlink", Path: name, Err: err}
	}
	return nil
}

// HasDevices reports whether there are network devices among the images. The
// namespace is rung's to set up, as in runc: CRIU cannot make one end of a pair
// whose other end is the host's. But older ones of rung have left it to CRIU, and
// their images come back as they were saved.
func HasDevices(dir int) bool {
	found, _ := filepath.Glob(kernel.ProcPath(dir) + "/netdev-*.img")
	return len(found) > 0
}
