// Package criu speaks to CRIU (https://criu.org), the program that saves the
// processes of a container to files and brings them back from there.
//
// CRIU is started as "criu swrk FD", where FD is a SEQPACKET socket: it serves
// the requests that arrive there, one message each, and asks back at the points
// of its work that it calls notifications. The messages are protocol buffers;
// their fields are those of CRIU's images/rpc.proto.
//
// The few messages are encoded here by hand. go-criu's generated code registers
// itself at the start of the process, which every command of a short-lived
// program would pay for: 0.25 ms and 3 MB. A test in tests/criurpc
// holds this package against that code, in both directions.
package criu
