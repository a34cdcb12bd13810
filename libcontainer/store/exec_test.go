package store

import (
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/seccomp"
)

func TestExec(t *testing.T) {
	filter := &seccomp.Filter{Flags: 5, Instructions: []unix.SockFilter{{Code: 1, Jt: 2, Jf: 3, K: 0x0a0a0a0a},
		{Code: 6, K: 0x7fff0000}}}
	for name, want := range map[string]Exec{
		"nothing": {Config: []byte("{}")},
		"all":     {Config: []byte("{\n}"), Filter: filter, NoNewKeyring: true},
	} {
		text := want.marshal()
		var got Exec
		if err := got.unmarshal(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
	}
	all := (&Exec{Config: []byte("{}"), Filter: filter}).marshal()
	for _, text := range []string{"", "rung-exec 2 0 0 false\n{}", "rung-exec 1 0 -1 false\n{}",
		"rung-exec 1 0 5000 false\n{}", string(all[:30])} {
		if err := new(Exec).unmarshal([]byte(text)); err == nil {
			t.Errorf("read %q", text)
		}
	}
}
