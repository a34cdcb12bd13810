package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/spec"
)

func (a *App) spec() *cli.Command {
	var bundle, file string
	var rootless bool
	return &cli.Command{
		Usage: "write a config.json to start from",
		Flags: []cli.Flag{
			bundleFlag(&bundle),
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Destination: &file, Value: "config.json",
				Usage: "`FILE` in the bundle to write"},
			boolFlag("rootless", &rootless, "for a user without privileges"),
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			if !filepath.IsAbs(file) {
				file = filepath.Join(bundle, file)
			}
			return writeSpec(file, rootless)
		},
	}
}

func writeSpec(path string, rootless bool) error {
	s := spec.Default()
	if rootless {
		s = spec.Rootless(os.Geteuid(), os.Getegid())
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists: remove it first", path)
	}
	if err != nil {
		return err
	}
	return errors.Join(writeJSON(f, s), f.Close())
}
