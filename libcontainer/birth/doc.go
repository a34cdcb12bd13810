// Package birth compiles configurations to programs: how a container's first process
// comes to be, how a further process or a hook joins it, how a process becomes CRIU.
//
// # What goes in, what comes out
//
// [Compile] takes an [Input], which is all that a birth depends on: the configuration
// (runtime-spec config.md and config-linux.md), what the command line adds, and facts
// about the host that somebody else has looked up ([Host]). It returns a [Birth]: the
// program that the first process runs (see package nsenter) with what the launcher has
// to know to start it. [CompileExec], [CompileHook] and [CompileCRIU] do the same for
// other processes.
//
// All of them are pure functions: they open nothing and change nothing, so that every
// decision can be printed (rung plan), compared with a golden file, and fuzzed without
// rights. A test holds the package's imports to that.
//
// What there will be to mount is decided before all that: [Mounts] and [Devices] say it,
// and whoever has to know reads it there. Links that dangle in the image, which only
// somebody who looks can follow, are followed in that list.
//
// # How to read it
//
// [Compile] lists the phases of a birth in their order; each is a method of the
// compiler that adds steps, in a file named for what it makes: masked_paths.go,
// keyring.go, sysctl.go. What a phase may rely on is set by those before it: the
// namespaces come before the mounts, the mounts before the change of the root, the
// restrictions after all that needs rights, the filter right before execve.
//
// # The conversation
//
// A program can only do what the first process may. Where it needs the launcher, it
// sends a tag and waits for an answer: [Messages] has all of them.
package birth
