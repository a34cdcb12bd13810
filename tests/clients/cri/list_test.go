package cri

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// readFlows reads flows.txt: each line names a flow, and the control that has passed
// it, if one has. Who changes what a flow does removes the control, and adds it again
// when a run says so.
func readFlows() (controls map[string]string, err error) {
	data, err := os.ReadFile("flows.txt")
	if err != nil {
		return nil, err
	}
	controls = map[string]string{}
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if _, twice := controls[words[0]]; twice || len(words) > 2 {
			return nil, fmt.Errorf("flows.txt: not FLOW [CONTROL], or there before: %q", line)
		}
		controls[words[0]] = ""
		if len(words) == 2 {
			controls[words[0]] = words[1]
		}
	}
	return controls, nil
}

// flows.txt is for people who want to know what is tested, and keeps a flow
// from vanishing unseen.
func TestFlowsAreListed(t *testing.T) {
	listed, err := readFlows()
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, f := range flows() {
		if there[f.name] {
			t.Errorf("two flows have the name %s", f.name)
		}
		there[f.name] = true
		if _, ok := listed[f.name]; !ok {
			t.Errorf("flow %s is not in flows.txt", f.name)
		}
	}
	for name, control := range listed {
		if !there[name] {
			t.Errorf("flows.txt has %s, which is no flow", name)
		}
		if control != "" && !slices.Contains(controls, control) {
			t.Errorf("flows.txt: %s passes with %s, which is no control", name, control)
		}
	}
}
