package cmd

import (
	specfeatures "github.com/opencontainers/runtime-spec/specs-go/features"
	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/cgroups/manager"
	"github.com/rung-oci/rung/libcontainer/capabilities"
	"github.com/rung-oci/rung/libcontainer/criu"
	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/spec"
)

func (a *App) features() *cli.Command {
	return &cli.Command{
		Usage: "print as JSON what rung can do",
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			return writeJSON(a.stdout, spec.Features(a.implementation()))
		},
	}
}

func (a *App) implementation() spec.Implementation {
	return spec.Implementation{
		Version:           a.build.Version,
		Commit:            a.build.Commit,
		Capabilities:      capabilities.Names(),
		Cgroup:            manager.Features(),
		UnsafeAnnotations: []string{criu.ConfigAnnotation},
		Seccomp: specfeatures.Seccomp{
			Actions:        seccomp.Actions(),
			Operators:      seccomp.Operators(),
			KnownFlags:     seccomp.KnownFlags(),
			SupportedFlags: seccomp.SupportedFlags(),
		},
	}
}
