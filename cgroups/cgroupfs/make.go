package cgroupfs

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// MakeDir makes the directory and those above it up to the mount point, and
// adds each that it made to the list.
func MakeDir(path, mountpoint string, made *[]string) error {
	err := unix.Mkdir(path, 0o755)
	if err == unix.ENOENT && path != mountpoint && path != "/" {
		if err := MakeDir(filepath.Dir(path), mountpoint, made); err != nil {
			return err
		}
		err = unix.Mkdir(path, 0o755)
	}
	switch err {
	case nil:
		*made = append(*made, path)
		return nil
	case unix.EEXIST:
		return nil
	}
	return err
}

// Unmake removes the directories that MakeDir has made, the last one first.
func Unmake(made []string) error {
	var errs []error
	for i := len(made) - 1; i >= 0; i-- {
		if err := unix.Rmdir(made[i]); err != nil && err != unix.ENOENT {
			errs = append(errs, fmt.Errorf("removing %s again: %w", made[i], err))
		}
	}
	return errors.Join(errs...)
}
