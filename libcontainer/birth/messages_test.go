package birth

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// TestMessages makes sure that programs say what [Messages] lists, in that order and with
// that many descriptors, and nothing else; and that each of it is said by some program.
func TestMessages(t *testing.T) {
	gate := hostMountsInput()
	gate.Spec.Hooks = &specs.Hooks{StartContainer: []specs.Hook{{Path: "/bin/hook"}}}
	everything := compiled(t, everythingInput(t))
	programs := map[string]*nsenter.Program{
		"birth everything": everything.Program, "sources everything": everything.Sources[0],
		"birth default": compiled(t, defaultInput()).Program, "birth joining": compiled(t, joiningInput()).Program,
		"birth gate": compiled(t, gate).Program, "procfs joining": compiled(t, joiningInput()).Procfs,
	}
	for name, in := range execInputs(t) {
		e, err := CompileExec(in)
		if err != nil {
			t.Fatal(err)
		}
		programs["exec "+name] = e.Program
	}
	all := Messages()
	said := map[byte]bool{}
	for name, p := range programs {
		copied := map[string]uint64{"cache": unix.S_IFDIR} // what is there to copy up
		k := &fakeKernel{old: true, tree: copied}
		k.run(t, p)
		kind, _, _ := strings.Cut(name, " ")
		last := 0
		for i, tag := range []byte(k.tags) {
			m, known := MessageOf(tag)
			at := slices.Index(all, m)
			if !known || m.Descriptors != k.came[i] || m.Descriptors > MostDescriptors || at < last ||
				!slices.Contains(strings.Split(m.From, ", "), kind) {
				t.Errorf("%s: message %d of %q has %d descriptors; the table says %+v", name, i, k.tags, k.came[i], m)
			}
			last, said[tag] = at, true
		}
	}
	for _, m := range all {
		if !said[m.Tag] {
			t.Errorf("no program says %+v", m)
		}
	}
}
