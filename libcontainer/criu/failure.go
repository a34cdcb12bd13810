package criu

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// Failure is the error of a request that failed: an error of rung's own if there
// is one, or else what CRIU says.
func Failure(request *Request, response *Response, err error) error {
	if err != nil && !errors.Is(err, ErrEnded) {
		return err
	}
	text := fmt.Sprintf("criu %v failed", request.Type)
	if response != nil {
		if response.Type != request.Type { // what CRIU did not understand
			text = "criu does not know what it was asked for: it may be too old"
		}
		if response.Errno != 0 {
			text += ": " + unix.Errno(response.Errno).Error()
		}
	} else if err != nil {
		text += ": " + err.Error()
	}
	quote := ""
	if o := request.Options; o != nil {
		quote = quoteLog(o.WorkDir, o.LogFile)
	}
	if quote == "" && response != nil && response.Message != "" {
		quote = ": " + strings.TrimSpace(response.Message) // the first errors
	}
	return errors.New(text + quote)
}

// quoteLog quotes CRIU's log and says where it is.
func quoteLog(dir int, name string) string {
	path := kernel.ProcPath(dir) + "/" + name
	log, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	text := ""
	if quote := Quote(log); quote != "" {
		text = ": " + quote
	}
	if real, err := os.Readlink(kernel.ProcPath(dir)); err == nil {
		text += " (log: " + filepath.Join(real, name) + ")"
	}
	return text
}
