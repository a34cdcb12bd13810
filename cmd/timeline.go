package cmd

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/libcontainer/timeline"
)

func timelineFlag(file *string) cli.Flag {
	return stringFlag("timeline", file, "write where the start-up time went to `FILE`, for chrome://tracing or "+
		"ui.perfetto.dev; - draws a chart on stderr")
}

// timed does what a command does, with a timeline if there is a file for it. It
// is written too when the command fails. One that cannot be written changes
// nothing about the container.
func (a *App) timed(file string, do func() error) error {
	if file == "" {
		return do()
	}
	out, write := os.Stderr, (*timeline.Timeline).WriteChart
	if file != "-" {
		f, err := os.Create(file) // before anything else is made
		if err != nil {
			return fmt.Errorf("--timeline: %w", err)
		}
		defer f.Close()
		out, write = f, (*timeline.Timeline).WriteTrace
	}
	a.runtime.Timeline = timeline.Start()
	err := do()
	if writeErr := write(a.runtime.Timeline.Stop(), out); writeErr != nil {
		a.runtime.Log.Warnf("--timeline: %v", writeErr)
	}
	return err
}
