// Package cri tests rung under containerd 2: its CRI plugin, driven as the
// kubelet drives it, and ctr.
//
//	go test ./tests/clients/cri           # in this directory: go test .
//
// The tests build containerd, ctr and the shim of the version that go.mod pins
// into bin/cri of the repository, start one containerd in namespaces of their
// own, with images that they make from the machine's static busybox, and run
// each flow of flows.txt on it with rung and, where rung fails or flows.txt records
// none that passes, with runc or crun as the control. What a control can do, rung
// must do; a flow that fails with all of them says something about the machine and
// is skipped, with the reason.
//
// RUNG names another runtime to test, as in tests/bundle.
package cri
