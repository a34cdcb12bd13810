package launch

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/nsenter"
)

// hiddenClone clones as clone does, but the report does not tell: a tracer can write 0 there.
func hiddenClone(p *nsenter.Program) {
	child, born := p.Cell("child"), p.Target()
	p.Clone(unix.CLONE_PARENT, nsenter.Buffer(8).At(0)).Into(child)
	p.JumpIf(nsenter.Value(child), ^uint64(0), 0, born)
	p.ExitGroup(0)
	p.Place(born)
}

// Once others see it, a program is asked for nothing, whatever its report says; and who does not
// show the process that it has cloned does not get through.
func TestDistrust(t *testing.T) {
	for name, tt := range map[string]struct {
		clone func(*nsenter.Program)
		tag   byte
		want  string
	}{
		"asks":         {clone, birth.TagHooks, "sent 'h' with 0 descriptors"},
		"asks, hidden": {hiddenClone, birth.TagHooks, "names no process that it has cloned"},
		"hidden":       {hiddenClone, birth.TagReady, "names no process that it has cloned"},
		"is there":     {clone, birth.TagReady, ""},
	} {
		p := process(t, func(p *nsenter.Program) { say(p, birth.TagSeen, 0); tt.clone(p); say(p, tt.tag, 0) })
		asked := ""
		p.Serve = answers(&asked)
		p.Serve[birth.TagSeen] = func([]kernel.Fd) error { p.Distrust(); return nil }
		p.Found = func() error { return nil }
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		err := p.Converse(birth.TagReady)
		if asked != "" || tt.want == "" && err != nil ||
			tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: asked for %q, %v", name, asked, err)
		}
		p.HangUp()
		p.Kill()
	}
}

// A process that its report does not name was not executed for the launcher, though it says so.
func TestHiddenProcessIsNotExecuted(t *testing.T) {
	p := started(t, func(p *nsenter.Program) { hiddenClone(p); execute(p) })
	if err := p.Execute(); err == nil {
		t.Error("executed")
	}
}
