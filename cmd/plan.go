package cmd

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/nsenter"
)

func (a *App) plan() *cli.Command {
	var o libcontainer.CreateOptions
	return &cli.Command{
		Usage:     "print the system calls that would make a container",
		ArgsUsage: "[BUNDLE]",
		Flags:     bundleFlags(&o),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 0, 1)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				o.Bundle = args[0]
			}
			if err := makeAbsolute(&o.Bundle, &o.Config); err != nil {
				return err
			}
			o.ID = "plan" // the default cgroup is named after it
			plan, err := a.runtime.Plan(o)
			if err != nil {
				return withFlags(err)
			}
			return writePlan(a.stdout, plan)
		},
	}
}

// writePlan writes what launches a birth program, the program, and those that go with it.
func writePlan(w io.Writer, plan *libcontainer.Plan) error {
	launch := nsenter.New()
	launch.Clone3(nsenter.CloneArgs{Flags: plan.Flags})
	_, err := fmt.Fprintf(w, "# launching the first process\n      %s\n      execveat(image)\n", launch.StepString(0))
	if err != nil {
		return err
	}
	if err := plan.Program.Print(w); err != nil {
		return err
	}
	for _, p := range plan.Sources {
		if _, err := io.WriteString(w, "\n# with the caller's credentials, when asked for\n"); err != nil {
			return err
		}
		if err := p.Print(w); err != nil {
			return err
		}
	}
	if plan.DeviceFilter == "" {
		return nil
	}
	_, err = io.WriteString(w, "\n# linux.resources.devices: the kernel decides by this program about devices\n"+
		plan.DeviceFilter)
	return err
}
