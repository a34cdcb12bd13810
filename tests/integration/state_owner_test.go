package integration

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// TestForeignState has a root like /tmp in which somebody else has put a record whose poststop
// hook would run as root.
func TestForeignState(t *testing.T) {
	t.Parallel()
	proof := filepath.Join(newDir(t), "ran")
	c := running(t, idle, func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{Poststop: []specs.Hook{shellHook("echo ran > " + proof)}}
	})
	state := filepath.Join(c.Root, c.ID)
	if err := errors.Join(os.Chmod(c.Root, 0o777|os.ModeSticky), os.Chown(state, 61234, 61234)); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"delete", c.ID}, {"delete", "--force", c.ID}, {"state", c.ID}, {"start", c.ID}, {"kill", c.ID, "KILL"},
		{"exec", c.ID, "true"}, {"ps", c.ID}, {"pause", c.ID}, {"events", "--stats", c.ID},
		{"create", "--bundle", c.Bundle, c.ID},
	} {
		code := 1
		if args[0] == "exec" {
			code = 255
		}
		c.Do(args...).FailsWith(code, state+": owner 61234, mode 0700")
	}
	if r := c.Do("list").OK(); strings.Contains(r.Stdout, c.ID) || !strings.Contains(r.Stderr, "owner 61234") {
		t.Errorf("list prints %q, %q", r.Stdout, r.Stderr)
	}
	if _, err := os.Stat(proof); err == nil {
		t.Error("a hook of somebody else's record ran")
	}
	if err := os.Chown(state, 0, 0); err != nil {
		t.Fatal(err)
	}
	c.Delete("--force").OK()
	c.LeavesNothing()
}
