// Package launch runs the programs of package birth: those that become a container's
// first process, a further process, a hook or CRIU, and those that only do something
// and end.
//
// [nsenter.Launch] clones a process that executes an image. What belongs to that is here,
// once, in a type that is used as [os/exec.Cmd] is: [Process].
//
// # A process's way
//
// [Process.Prepare] lays out the report page, makes the conversation's socket pair,
// assembles the program, which then knows the numbers of its descriptors, and makes the
// image. [Process.Start] clones the process that executes it.
//
// [Process.Converse] does what the program asks for. A program can only do what its
// process may; where it needs the launcher it sends a tag, maybe with descriptors, and
// waits for an answer. birth.Messages lists what may be said. The other end of the
// conversation is close-on-exec: that it is closed says that the program has come to its
// execve, or that the process has ended, and the report says which.
//
// Several namespaces count for children only, or can be entered by a process that has no
// threads and no children. A program that joins those clones the process that goes
// on, with this process as its parent (CLONE_PARENT), and ends. [Process.Pid] is that of
// whichever goes on. What is cloned last, because the container can see it, has no end of the
// conversation: the launched process closes that before, and ends when the child has
// executed (CLONE_VFORK).
//
// # What is believed
//
// The program is this process's own, and its image sealed, but it comes into namespaces
// whose processes may be the container's: those with CAP_SYS_PTRACE can change its report
// page. A number of descriptors that the table does not know is refused, and so is the
// pid of a process that is no child of this one: it would be killed, or shown to
// the caller as the container's. A created container that joins a pid namespace waits there with
// its end of the conversation, by which nothing is done any more but what is left to be said.
package launch
