module github.com/rung-oci/rung/tests/criurpc

go 1.26.0

require (
	github.com/checkpoint-restore/go-criu/v7 v7.2.0
	github.com/rung-oci/rung v0.0.0
	google.golang.org/protobuf v1.36.11
)

require golang.org/x/sys v0.49.0 // indirect

replace github.com/rung-oci/rung => ../..
