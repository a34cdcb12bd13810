package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer"
)

func (a *App) events() *cli.Command {
	var interval time.Duration
	var stats bool
	var format string
	tell := func(id string) error {
		if interval <= 0 {
			return fmt.Errorf("events: --interval: %v: must be greater than 0", interval)
		}
		var show func(libcontainer.Event) error
		switch format {
		case "json":
			show = func(e libcontainer.Event) error { return writeEvent(a.stdout, id, e) }
		case "table":
			t := statsTable{w: a.stdout, id: id}
			show = t.event
		default:
			return fmt.Errorf("events: format %q is neither json nor table", format)
		}
		if !stats {
			return a.runtime.Events(id, interval, show)
		}
		s, err := a.runtime.Stats(id)
		if err != nil {
			return err
		}
		return show(libcontainer.Event{Stats: s})
	}
	return onContainer("show the statistics of a container, and when its memory runs out", tell,
		&cli.DurationFlag{Name: "interval", Destination: &interval, Value: 5 * time.Second,
			Usage: "`TIME` between statistics", DefaultText: "5s"},
		boolFlag("stats", &stats, "show the statistics once"),
		&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Destination: &format, Value: "json",
			Usage: "`FORMAT` of the output: json or table"})
}

// An eventJSON is a line of events, as clients of runc decode it.
type eventJSON struct {
	Type string     `json:"type"`
	ID   string     `json:"id"`
	Data *statsJSON `json:"data,omitempty"`
}

type statsJSON struct {
	*cgroups.Stats
	IntelRdt          struct{}                 `json:"intel_rdt"`
	NetworkInterfaces []libcontainer.Interface `json:"network_interfaces"` // named as in Go
}

// writeEvent writes an event as one line of JSON.
func writeEvent(w io.Writer, id string, e libcontainer.Event) error {
	event := eventJSON{Type: "oom", ID: id}
	if e.Stats != nil {
		event.Type, event.Data = "stats", &statsJSON{Stats: e.Stats.Stats, NetworkInterfaces: e.Stats.Network}
	}
	return json.NewEncoder(w).Encode(event)
}
