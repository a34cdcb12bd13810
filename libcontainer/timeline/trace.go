package timeline

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// event is one of Chrome's trace events, of the kinds X (a complete event) and M
// (metadata): "Trace Event Format", Google. Times are in microseconds.
type event struct {
	Name string         `json:"name"`
	Kind string         `json:"ph"`
	At   microseconds   `json:"ts"`
	Took microseconds   `json:"dur"`
	Pid  int            `json:"pid"`
	Tid  int            `json:"tid"`
	Args map[string]any `json:"args,omitempty"`
}

type microseconds time.Duration

func (m microseconds) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%03d", m/1000, m%1000), nil
}

// The tracks of a trace.
const (
	launcherTrack = 1
	programTrack  = 2
)

// WriteTrace writes the timeline for chrome://tracing and Perfetto: the actions
// of the launcher above, below them the labels of the program with the
// steps in them. Events are in the order of their times.
func (t *Timeline) WriteTrace(w io.Writer) error {
	pid := os.Getpid()
	named := func(kind, name string, tid int) event {
		return event{Name: kind, Kind: "M", Pid: pid, Tid: tid, Args: map[string]any{"name": name}}
	}
	complete := func(s Span, tid int, args map[string]any) event {
		return event{Name: s.Name, Kind: "X", At: microseconds(s.Begin), Took: microseconds(s.Length()), Pid: pid,
			Tid: tid, Args: args}
	}
	var events []event
	for _, s := range t.Launcher {
		events = append(events, complete(s, launcherTrack, nil))
	}
	for _, g := range t.Program {
		events = append(events, complete(g.Span, programTrack, nil))
		for _, s := range g.Steps {
			events = append(events, complete(s.Span, programTrack, map[string]any{"step": s.Index}))
		}
	}
	// what has others in it stays before them
	slices.SortStableFunc(events, func(a, b event) int { return int(a.At - b.At) })
	names := []event{named("process_name", "rung", launcherTrack), named("thread_name", "launcher", launcherTrack)}
	if t.Pid > 0 {
		names = append(names, named("thread_name", fmt.Sprintf("program (process %d)", t.Pid), programTrack))
	}
	lines := make([]string, 0, len(names)+len(events))
	for _, e := range append(names, events...) {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		lines = append(lines, string(line))
	}
	_, err := fmt.Fprintf(w, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n%s\n]}\n", strings.Join(lines, ",\n"))
	return err
}
