package clients

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// readFlows reads flows.txt: each line names a client, a flow, and the control that
// has passed it, if one has. Who changes what a flow does removes the control, and
// adds it again when a run says so.
func readFlows() (controls map[string]string, err error) {
	data, err := os.ReadFile("flows.txt")
	if err != nil {
		return nil, err
	}
	controls = map[string]string{}
	for line := range strings.Lines(string(data)) {
		words := append(strings.Fields(line), "")
		if len(words) != 3 && len(words) != 4 {
			return nil, fmt.Errorf("flows.txt: not CLIENT FLOW [CONTROL]: %q", line)
		}
		flow := words[0] + " " + words[1]
		if _, twice := controls[flow]; twice {
			return nil, fmt.Errorf("flows.txt lists %q twice", flow)
		}
		controls[flow] = words[2]
	}
	return controls, nil
}

// TestFlowsListed keeps flows.txt, which people read, equal to the flows that
// there are, which is what runs. Nobody can drop a flow without it being seen.
func TestFlowsListed(t *testing.T) {
	listed, err := readFlows()
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for client, flows := range map[string][]flow{"podman": podmanFlows(), "ctr": ctrFlows(), "docker": dockerFlows()} {
		for _, f := range flows {
			name := client + " " + f.name
			if there[name] {
				t.Errorf("%q is there twice", name)
			}
			there[name] = true
			if control, ok := listed[name]; !ok {
				t.Errorf("flows.txt lacks %q", name)
			} else if control != "" && control != f.peers()[0] {
				t.Errorf("flows.txt: the control of %q is %s, not %s", name, f.peers()[0], control)
			}
		}
	}
	for name := range listed {
		if !there[name] {
			t.Errorf("flows.txt lists %q, which does not exist", name)
		}
	}
	for name := range there { // or go test takes it for the parent of the others
		for other := range there {
			if strings.HasPrefix(other, name+"/") {
				t.Errorf("%q has the name of a group, that of %q", name, other)
			}
		}
	}
}
