package cmd

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/rung-oci/rung/libcontainer/check"
)

func TestWriteFindings(t *testing.T) {
	findings := []check.Finding{
		{Subject: "kernel", Name: "version", Status: check.OK, Found: "6.18"},
		{Subject: "namespaces", Name: "mount", Status: check.OK, Found: "one was made"},
		{Subject: "namespaces", Name: "time", Status: check.No, Found: "the kernel has none", Advice: "use another"},
	}
	const text = `kernel
  ok    version           6.18
namespaces
  ok    mount             one was made
  no    time              the kernel has none
        use another
`
	for _, c := range []struct {
		findings []check.Finding
		want     string
	}{
		{findings, text + "\nContainers can run here.\n"},
		{append(findings, check.Finding{Subject: "namespaces", Name: "user", Status: check.Fail, Found: "forbidden",
			Advice: "allow"}),
			text +
				"  FAIL  user              forbidden\n        allow\n\nContainers cannot run here: what FAILs, 1 of " +
				"these, is needed.\n"},
	} {
		var b bytes.Buffer
		if err := writeFindings(&b, c.findings); err != nil || b.String() != c.want {
			t.Errorf("%v, got\n%s\nwant\n%s", err, &b, c.want)
		}
	}
}

func TestCheck(t *testing.T) {
	table := rung(t, t.TempDir(), "check")
	j := rung(t, t.TempDir(), "check", "--format", "json")
	var v struct {
		CanRun   bool
		Findings []check.Finding
	}
	if err := json.Unmarshal([]byte(j.stdout), &v); err != nil {
		t.Fatal(err)
	}
	if v.CanRun != (j.code == 0) || v.CanRun != check.CanRun(v.Findings) || table.code != j.code ||
		len(v.Findings) < 20 {
		t.Errorf("exit codes %d and %d, %+v", table.code, j.code, v)
	}
	for _, f := range []string{"xml", ""} {
		if got := rung(t, t.TempDir(), "check", "--format", f); got.code != 1 ||
			got.err != `--format: "`+f+`" is neither table nor json` {
			t.Errorf("%+v", got)
		}
	}
	if got := rung(t, t.TempDir(), "check", "x"); got.code != 1 || got.err == "" {
		t.Errorf("%+v", got)
	}
}
