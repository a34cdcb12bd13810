package timeline

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write the golden files")

const us = time.Microsecond

// fixed is a timeline with what charts have to cope with: bars at both ends, ones
// too short to be shown, one that outlasts the start-up, and a name that a
// terminal would obey.
func fixed() *Timeline {
	span := func(name string, begin, end time.Duration) Span { return Span{name, begin * us, end * us} }
	return &Timeline{
		Launcher: []Span{
			span("starting rung (CPU time)", 0, 800), span("loading config.json", 800, 900),
			span("recording the intent", 900, 915),
			span("launching the first process", 915, 1500), span("following the birth program", 1500, 3900),
			span("opening the gate", 3900, 4100),
			span("waiting for the process to end", 4100, 9000), span("deleting the container", 9000, 9500),
		},
		Program: []Group{
			{span("preparing the first process", 1400, 1410),
				[]Numbered{{span("close", 1400, 1405), 1}, {span("prctl", 1405, 1410), 2}}},
			{span("mounting proc on /proc", 1410, 2410), []Numbered{{span("fsopen", 1410, 2410), 3}}},
			{span("binding /a\x1b[31m\"b\" to /c", 2410, 3990), []Numbered{{span("open_tree", 2410, 3990), 9}}},
			{span("executing /bin/true", 3990, 4000), []Numbered{{span("execve", 3990, 4000), 12}}},
		},
		Pid: 4711, StartUp: 4000 * us, Total: 9500 * us,
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

func TestChart(t *testing.T) {
	var b bytes.Buffer
	if err := fixed().WriteChart(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "chart.txt", b.Bytes())
}

func TestChartOfNothing(t *testing.T) {
	var b bytes.Buffer
	if err := (&Timeline{Launcher: []Span{{Name: "x"}}}).WriteChart(&b); err != nil ||
		!strings.HasPrefix(b.String(), "start-up: 0.000 ms\n") {
		t.Errorf("%q, %v", &b, err)
	}
}

// A trace has every action, label and step, in the order of their times, and what
// lies in another one after it.
func TestTrace(t *testing.T) {
	var b bytes.Buffer
	if err := fixed().WriteTrace(&b); err != nil {
		t.Fatal(err)
	}
	var trace struct {
		TraceEvents []struct {
			Name, Ph string
			Ts, Dur  float64
			Tid      int
			Args     map[string]any
		}
	}
	if err := json.Unmarshal(b.Bytes(), &trace); err != nil {
		t.Fatalf("%v in %s", err, &b)
	}
	var names []string
	last := 0.0
	for _, e := range trace.TraceEvents {
		if e.Ph == "M" {
			continue
		}
		if e.Ph != "X" || e.Ts < last {
			t.Errorf("event %+v comes after %v µs", e, last)
		}
		last = e.Ts
		if e.Tid == programTrack {
			names = append(names, e.Name)
		}
		if e.Name == "open_tree" && (e.Ts != 2410 || e.Dur != 1580 || e.Args["step"] != 9.0) {
			t.Errorf("%+v", e)
		}
	}
	want := []string{"preparing the first process", "close", "prctl", "mounting proc on /proc", "fsopen",
		"binding /a\x1b[31m\"b\" to /c", "open_tree",
		"executing /bin/true", "execve"}
	if !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if n := len(trace.TraceEvents); n != 3+8+len(want) {
		t.Errorf("%d events", n)
	}
}

func TestRecorder(t *testing.T) {
	for _, clock := range []int32{unix.CLOCK_MONOTONIC, unix.CLOCK_REALTIME} {
		r := Start()
		r.Action("one")
		r.Action("two")
		at := read(clock)
		time.Sleep(time.Millisecond)
		r.Executed()
		r.program = Program{Pid: 7, Clock: clock, Steps: []Step{{1, "a", "x", at}, {4, "a", "y", at + 10},
			{5, "b", "z", at + 30}}}
		r.Action("three")
		tl := r.Stop()
		end := time.Duration(0)
		var names []string
		for _, s := range tl.Launcher {
			if s.Begin != end || s.End < s.Begin {
				t.Errorf("%+v begins where what was before it did not end, at %v", s, end)
			}
			end = s.End
			names = append(names, s.Name)
		}
		if want := []string{"starting rung (CPU time)", "one", "two", "three"}; !slices.Equal(names, want) ||
			end != tl.Total {
			t.Errorf("%q to %v of %v", names, end, tl.Total)
		}
		if tl.StartUp > tl.Launcher[2].End || tl.StartUp < tl.Launcher[2].Begin+time.Millisecond {
			t.Errorf("executed at %v, during %+v", tl.StartUp, tl.Launcher[2])
		}
		if len(tl.Program) != 2 || tl.Pid != 7 {
			t.Fatalf("%+v", tl.Program)
		}
		a, b := tl.Program[0], tl.Program[1]
		if a.Name != "a" || a.Length() != 30 || len(a.Steps) != 2 ||
			a.Steps[1] != (Numbered{Span{"y", a.Begin + 10, a.End}, 4}) {
			t.Errorf("%+v", a)
		}
		if b.Begin != a.End || b.End != tl.StartUp || a.Begin < tl.Launcher[2].Begin {
			t.Errorf("%+v", b)
		}
	}
}
