// Package kernel is Linux as the other packages call it: system calls that are
// restarted when a signal interrupts them, files below a root that somebody else
// controls, descriptors sent over sockets, pidfds, the mount table.
//
// golang.org/x/sys/unix gives each system call bare. Here is what every caller of
// some of them has to do besides, once. The package knows nothing of containers
// and imports only the standard library and x/sys.
//
// A descriptor that is an int is lent: who was given it does not close it. One
// that has to be closed by its holder is an [Fd].
package kernel
