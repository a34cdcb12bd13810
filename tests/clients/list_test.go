package clients

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestFlowsListed keeps flows.txt, which people read, equal to the flows that
// there are, which is what runs. Nobody can drop a flow without it being seen.
func TestFlowsListed(t *testing.T) {
	data, err := os.ReadFile("flows.txt")
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	var flows []string
	for _, c := range []struct {
		client string
		flows  []flow
	}{{"podman", podmanFlows()}, {"ctr", ctrFlows()}, {"docker", dockerFlows()}} {
		for _, f := range c.flows {
			flows = append(flows, c.client+" "+f.name)
		}
	}
	for _, f := range flows {
		if !slices.Contains(listed, f) {
			t.Errorf("flows.txt lacks %q", f)
		}
	}
	for _, l := range listed {
		if !slices.Contains(flows, l) {
			t.Errorf("flows.txt lists %q, which does not exist", l)
		}
	}
	for _, f := range flows { // or go test takes it for the parent of the others
		if i := slices.IndexFunc(flows, func(other string) bool { return strings.HasPrefix(other, f+"/") }); i >= 0 {
			t.Errorf("%q has the name of a group, that of %q", f, flows[i])
		}
	}
	for _, list := range [][]string{flows, listed} {
		slices.Sort(list)
		if n := len(slices.Compact(list)); n != len(list) {
			t.Errorf("%d of the names are there twice", len(list)-n)
		}
	}
}
