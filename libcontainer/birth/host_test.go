package birth

import "testing"

func TestHostDestination(t *testing.T) {
	h := &Host{Resolved: map[string]string{"/var/run": "/run"}}
	for d, want := range map[string]string{"/var/run": "/run", "/var/run/x": "/var/run/x", "/a": "/a"} {
		if got := h.destination(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
