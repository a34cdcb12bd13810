package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestSamples(t *testing.T) {
	tests := []struct {
		s           samples
		median, min float64
	}{
		{nil, 0, 0},
		{samples{3}, 3, 3},
		{samples{3, 1, 2}, 2, 1},
		{samples{4, 1, 3, 2}, 2.5, 1},
	}
	for _, test := range tests {
		if median, min := test.s.median(), test.s.min(); median != test.median || min != test.min {
			t.Errorf("%v: median %v, min %v; want %v, %v", test.s, median, min, test.median, test.min)
		}
	}
}

func TestExecute(t *testing.T) {
	status, wall, cpu, err := execute("/bin/sh", []string{"sh", "-c", "sleep 0.05; exit 3"}, os.Stderr)
	if err != nil || status != 3 {
		t.Fatalf("exit status %d, %v; want 3", status, err)
	}
	if wall < 50*time.Millisecond || cpu > wall {
		t.Errorf("wall %v, cpu %v of a program that sleeps 50 ms", wall, cpu)
	}
	if status, _, _, _ := execute("/bin/sh", []string{"sh", "-c", "kill -TERM $$"}, os.Stderr); status != 128+15 {
		t.Errorf("killed by SIGTERM: status %d", status)
	}
	if _, _, _, err := execute("/missing", []string{"missing"}, os.Stderr); err == nil {
		t.Error("started a program that does not exist")
	}
}

func TestCheckLimits(t *testing.T) {
	with := func(name string, run, exec, pss float64) *subject {
		s := &subject{name: name, pss: samples{pss}}
		s.cost = map[string]*cost{"run": {wall: samples{run}}, "exec": {wall: samples{exec}}}
		return s
	}
	tests := []struct {
		name     string
		subjects []*subject
		wrong    string
	}{
		{"within", []*subject{with("rung", 3, 2, 32<<10), with("crun", 5, 4, 0)}, ""},
		{"slow", []*subject{with("rung", 4, 2, 32<<10), with("crun", 5, 4, 0)}, "exceeded"},
		{"slow exec", []*subject{with("rung", 3, 3, 32<<10), with("crun", 5, 4, 0)}, "exceeded"},
		{"big", []*subject{with("rung", 3, 2, 65<<10), with("crun", 5, 4, 0)}, "exceeded"},
		{"alone", []*subject{with("rung", 3, 2, 32<<10)}, "crun"},
	}
	for _, test := range tests {
		err := checkLimits(test.subjects)
		if (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.wrong)
		}
	}
}
