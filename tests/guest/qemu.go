package main

import (
	"context"
	"errors"
	"io"
)

// qemu runs the guest under qemu.
func (m *machine) qemu(ctx context.Context, w, console io.Writer) error {
	return errors.New("not yet")
}
