package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

//go:embed make-root
var makeRoot []byte

// made returns the directory of a guest as make-root makes it now. Of two that want one
// that is not there yet, the second waits. What other versions have made goes when nobody
// has asked for it for a month.
func made(ctx context.Context) (string, error) {
	if runtime.GOARCH != "amd64" || os.Geteuid() != 0 {
		return "", errors.New("there is a guest for root on amd64 only")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "rung-guest")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	lock, err := os.Create(filepath.Join(cache, "lock"))
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", err
	}
	dir := filepath.Join(cache, fmt.Sprintf("%.6x", sha256.Sum256(makeRoot)))
	if now := time.Now(); os.Chtimes(dir, now, now) == nil {
		return dir, forget(cache)
	}
	script := filepath.Join(cache, "make-root")
	if err := os.WriteFile(script, makeRoot, 0o755); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, script, dir)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return dir, cmd.Run()
}

// forget removes the guests that were not used for long.
func forget(cache string) error {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if used, err := e.Info(); err == nil && time.Since(used.ModTime()) > 30*24*time.Hour {
			if err := os.RemoveAll(filepath.Join(cache, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
