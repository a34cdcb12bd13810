package cmd

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/nsenter"
)

func TestWritePlan(t *testing.T) {
	program := func(label string) *nsenter.Program {
		p := nsenter.New()
		p.Label(label)
		p.Sethostname("db1")
		return p
	}
	plan := &libcontainer.Plan{Birth: &birth.Birth{Program: program("setting the hostname"),
		Flags: unix.CLONE_NEWNS | unix.CLONE_NEWPID}}
	var b bytes.Buffer
	if err := writePlan(&b, plan); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"clone3({flags=CLONE_NEWNS|CLONE_NEWPID}", "execveat(image)",
		"# setting the hostname\n", `sethostname("db1", 3)`} {
		_, rest, ok := strings.Cut(b.String(), want)
		if !ok {
			t.Errorf("no %q, or not in this order, in:\n%s", want, b.String())
		}
		b = *bytes.NewBufferString(rest)
	}
	plan.Sources = []*nsenter.Program{program("opening the sources")}
	if err := writePlan(&b, plan); err != nil || !strings.Contains(b.String(), "# opening the sources\n") {
		t.Errorf("%v; no sources in:\n%s", err, b.String())
	}
	if strings.Contains(b.String(), "linux.resources.devices") {
		t.Errorf("a device filter that there is not:\n%s", b.String())
	}
	plan.DeviceFilter = "   0  r0 = 1\n"
	if err := writePlan(&b, plan); err != nil || !strings.HasSuffix(b.String(), "about devices\n"+plan.DeviceFilter) {
		t.Errorf("%v; no device filter in:\n%s", err, b.String())
	}
}
