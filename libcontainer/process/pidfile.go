package process

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"github.com/rung-oci/rung/internal/kernel"
)

// WritePidFile writes pid in decimal, without a newline, to the file at path.
// The file is replaced as a whole, so that whoever sees it can read it.
func WritePidFile(path string, pid int) error {
	dir, base := filepath.Split(path)
	temp := dir + "." + base
	err := writeNew(temp, strconv.Itoa(pid))
	if err == nil {
		err = os.Rename(temp, path)
	}
	return kernel.Failed("writing the pid file", err)
}

func writeNew(path, text string) error {
	// What an earlier process may have left there is replaced, not written
	// through: it could be a link.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
