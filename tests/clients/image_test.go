package clients

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/rung-oci/rung/tests/bundle"
)

// image is what the image is called in every client.
const image = "localhost/busybox:latest"

// imageArchive is the path of the image as “docker save” writes one.
func imageArchive() string { return scratch("image.tar") }

// makeImage makes an image of one layer that is the root filesystem of package
// bundle and some things to trip over.
func makeImage(path string) error {
	dir := scratch("image")
	if err := bundle.Make(dir, bundle.Spec()); err != nil {
		return err
	}
	rootfs := filepath.Join(dir, "rootfs")
	for name, file := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"bin/not-executable": {"#!/bin/sh\necho never\n", 0o644},
		"bin/no-interpreter": {"#!/no/such/interpreter\n", 0o755},
		"bin/script":         {"#!/bin/sh\necho script \"$@\"\n", 0o755},
		"etc/hosts":          {"", 0o644},
	} {
		if err := os.WriteFile(filepath.Join(rootfs, name), []byte(file.text), file.mode); err != nil {
			return err
		}
	}
	layer, err := archive(rootfs)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(layer)
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config":  map[string]any{"Env": []string{"PATH=/bin", "FROM_IMAGE=yes"}, "Cmd": []string{"sh"}},
		"history": []map[string]any{{"created_by": "rung's tests"}},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]map[string]any{{
		"Config": "config.json", "RepoTags": []string{image}, "Layers": []string{"layer.tar"},
	}})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, file := range []struct {
		name string
		data []byte
	}{{"layer.tar", layer}, {"config.json", config}, {"manifest.json", manifest}} {
		if err := w.WriteHeader(&tar.Header{Name: file.name, Mode: 0o644, Size: int64(len(file.data))}); err != nil {
			return err
		}
		if _, err := w.Write(file.data); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// archive returns a directory's files as a tar file, all owned by root.
func archive(dir string) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		target := ""
		if info.Mode().Type() == fs.ModeSymlink {
			if target, err = os.Readlink(path); err != nil {
				return err
			}
		}
		header, err := tar.FileInfoHeader(info, target)
		if err != nil {
			return err
		}
		if header.Name, err = filepath.Rel(dir, path); err != nil {
			return err
		}
		if err := w.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out.Bytes(), w.Close()
}
