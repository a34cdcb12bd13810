// Package clients tests rung as what drives it sees it: podman, containerd by
// ctr, and docker, as Debian has them. A test is a flow, a thing that people
// do with that client; flows.txt lists them all.
//
// Each flow runs with rung and, where rung fails or flows.txt does not record that
// it passes, with a control, crun or runc, in the same way: every client with every
// runtime has its own storage, and its own daemon if it has one. A flow that rung
// fails and a peer passes is a failure. One that nobody passes is skipped, with
// what the control had to say: it is the machine, the client or the flow that
// cannot do it.
//
//	go test ./tests/clients -run TestPodman/exec
//	RUNG=/usr/sbin/crun go test ./tests/clients   # are the flows right?
//
// All of it happens in namespaces of its own, see isolate_test.go. Images are
// made of the machine's busybox; nothing is fetched.
package clients

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if os.Geteuid() != 0 {
		os.Exit(m.Run()) // what needs root skips
	}
	os.Exit(isolated(m.Run))
}

func TestPodman(t *testing.T) { judgeAll(t, "podman", podmanFlows()) }
func TestCtr(t *testing.T)    { judgeAll(t, "ctr", ctrFlows()) }
func TestDocker(t *testing.T) { judgeAll(t, "docker", dockerFlows()) }
