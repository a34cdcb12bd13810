package cri

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// The images that the tests use; nothing is pulled.
const (
	pauseImage   = "localhost/rung-cri-pause:1"
	busyboxImage = "localhost/rung-cri-busybox:1"
)

// imageConfig is the part of an image's configuration that the tests need, as
// in the OCI image specification, config.md.
type imageConfig struct {
	Entrypoint []string `json:",omitempty"`
	Cmd        []string `json:",omitempty"`
	Env        []string `json:",omitempty"`
	WorkingDir string   `json:",omitempty"`
	User       string   `json:",omitempty"`
	StopSignal string   `json:",omitempty"`
}

// writeImages writes a docker-archive with the tests' images to path.
func writeImages(path string) error {
	pause, err := os.ReadFile(program("pause"))
	if err != nil {
		return err
	}
	pauseLayer := newLayer()
	pauseLayer.file("pause", 0o755, pause)
	busyboxLayer, err := busyboxLayer()
	if err != nil {
		return err
	}
	busybox := imageConfig{Cmd: []string{"/bin/sh"}, Env: []string{"PATH=/bin", "FROM_IMAGE=yes"}}

	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	archive := &layer{tar: tar.NewWriter(f)}
	var manifest []map[string]any
	for _, image := range []struct {
		name   string
		layer  *layer
		config imageConfig
	}{
		{pauseImage, pauseLayer, imageConfig{Entrypoint: []string{"/pause"}}},
		{busyboxImage, busyboxLayer, busybox},
	} {
		data, err := image.layer.bytes()
		if err != nil {
			return err
		}
		sum := fmt.Sprintf("%x", sha256.Sum256(data))
		config, err := json.Marshal(map[string]any{
			"architecture": runtime.GOARCH, "os": "linux", "config": image.config,
			"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + sum}},
		})
		if err != nil {
			return err
		}
		configName := fmt.Sprintf("%x.json", sha256.Sum256(config))
		archive.file(configName, 0o644, config)
		archive.file(sum+".tar", 0o644, data)
		manifest = append(manifest, map[string]any{
			"Config": configName, "RepoTags": []string{image.name}, "Layers": []string{sum + ".tar"},
		})
	}
	list, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	archive.file("manifest.json", 0o644, list)
	if _, err := archive.bytes(); err != nil {
		return err
	}
	return f.Close()
}

// busyboxLayer is a small system: busybox under all its names, and users.
func busyboxLayer() (*layer, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	applets, err := exec.Command(path, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("busybox --list: %w", err)
	}
	l := newLayer()
	l.dir("bin", 0o755)
	l.file("bin/busybox", 0o755, data)
	for _, name := range strings.Fields(string(applets)) {
		if name != "busybox" {
			l.symlink("bin/"+name, "busybox")
		}
	}
	for _, dir := range []string{"dev", "proc", "sys", "etc", "root", "home", "mnt"} {
		l.dir(dir, 0o755)
	}
	l.dir("tmp", 0o1777)
	l.symlink("link", "mnt")
	l.file("etc/passwd", 0o644, []byte("root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home:/bin/sh\n"))
	l.file("etc/group", 0o644, []byte("root:x:0:\napp:x:1000:\nmore:x:2000:app\n"))
	l.file("etc/not-executable", 0o644, []byte("#!/bin/sh\n"))
	l.file("etc/unreadable", 0o600, []byte("secret\n"))
	return l, nil
}

// layer writes a tar file; the first error is kept for bytes.
type layer struct {
	tar *tar.Writer
	buf *bytes.Buffer
	err error
}

func newLayer() *layer {
	buf := &bytes.Buffer{}
	return &layer{tar: tar.NewWriter(buf), buf: buf}
}

func (l *layer) add(header *tar.Header, content []byte) {
	if l.err == nil {
		l.err = l.tar.WriteHeader(header)
	}
	if l.err == nil {
		_, l.err = io.Copy(l.tar, bytes.NewReader(content))
	}
}

func (l *layer) file(name string, mode int64, content []byte) {
	l.add(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}, content)
}

func (l *layer) dir(name string, mode int64) {
	l.add(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode}, nil)
}

func (l *layer) symlink(name, target string) {
	l.add(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, nil)
}

// bytes ends the file, and returns it if it is in memory.
func (l *layer) bytes() ([]byte, error) {
	if l.err == nil {
		l.err = l.tar.Close()
	}
	if l.err != nil || l.buf == nil {
		return nil, l.err
	}
	return l.buf.Bytes(), nil
}
