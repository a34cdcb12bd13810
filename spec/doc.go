// Package spec reads, judges and writes the documents of the OCI runtime
// specification: config.json, the process of exec, the resources of update,
// and the features document.
//
// The package knows the specification and the constants of the Linux ABI. It
// knows nothing of the state of the kernel it runs on: it opens no file and
// makes no system call, so the same input always gives the same answer.
package spec
