module github.com/rung-oci/rung/tests/compat

go 1.26.0

require (
	github.com/containerd/go-runc v1.2.1
	github.com/opencontainers/runtime-spec v1.3.0
	github.com/rung-oci/rung v0.0.0
)

require (
	github.com/containerd/console v1.0.5 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/rung-oci/rung => ../..
