package kernel

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFailed(t *testing.T) {
	if err := Failed("doing nothing", nil); err != nil {
		t.Error(err)
	}
	err := Failed("doing it", unix.EPERM)
	if !errors.Is(err, unix.EPERM) || err.Error() != "doing it: operation not permitted" {
		t.Error(err)
	}
}
