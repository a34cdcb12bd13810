package cmd

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/libcontainer"
)

func (a *App) state() *cli.Command {
	var format string
	show := func(id string) error {
		if format != "json" && format != "table" {
			return fmt.Errorf("state: format %q is neither json nor table", format)
		}
		s, err := a.runtime.State(id)
		if err != nil {
			return err
		}
		if format == "table" {
			return writeStateTable(a.stdout, s, time.Now())
		}
		_, err = a.stdout.Write(append(appendState(nil, s, "", ""), '\n'))
		return err
	}
	return onContainer("print the state of a container", show,
		&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Destination: &format, Value: "json",
			Usage: "`FORMAT` of the output: json or table"})
}

// writeStateTable writes a line for each property, for people.
func writeStateTable(w io.Writer, s *libcontainer.State, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "container\t%s\n", s.ID)
	fmt.Fprintf(t, "status\t%s\n", s.Status)
	if s.Pid != 0 {
		fmt.Fprintf(t, "pid\t%d\n", s.Pid)
	}
	fmt.Fprintf(t, "created\t%s, %s ago\n", s.Created.Local().Format(time.DateTime),
		now.Sub(s.Created).Round(time.Second))
	fmt.Fprintf(t, "owner\t%s\n", owner(s.UID))
	fmt.Fprintf(t, "bundle\t%s\n", cell(s.Bundle))
	fmt.Fprintf(t, "rootfs\t%s\n", cell(s.Rootfs))
	for _, key := range slices.Sorted(maps.Keys(s.Annotations)) {
		fmt.Fprintf(t, "annotation\t%s\n", cell(key+"="+s.Annotations[key]))
	}
	return t.Flush()
}
