// Package cgroups puts containers into control groups, version 1.
//
// A machine has several cgroup hierarchies, each with its own controllers and
// its own mount; on a hybrid machine the unified hierarchy is one more of
// them, without controllers that this package sets. A container has one
// cgroup, of the same name, in every hierarchy. The way of one is
//
//	h, err := cgroups.Find()                      // what is mounted where
//	m, err := cgroups.New(h, "/pod/web", "web")   // paths, nothing is touched
//	err = m.Create()                              // directories
//	warnings, err := m.Set(spec.Linux.Resources)  // limits
//	files, err := m.JoinFiles()                   // a process writes "0" to each
//	record(m.State())                             // kept until …
//	m = cgroups.Restore(state)                    // … a later command
//	err = m.Kill(unix.SIGKILL)
//	err = m.Remove()
//
// The package knows the properties of linux.resources of the OCI runtime
// specification and nothing else of containers. It keeps no global state.
//
// The kernel's side is described in Documentation/admin-guide/cgroup-v1.
package cgroups
