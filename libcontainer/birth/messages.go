package birth

import "slices"

// Tags are the messages of the conversation, of one byte each: see [Messages].
const (
	TagMaps     = 'm'
	TagNetwork  = 'n'
	TagSources  = 's'
	TagSource   = 'f'
	TagProcfs   = 'v'
	TagContext  = 'x'
	TagCopyUp   = 'c'
	TagTerminal = 't'
	TagDevices  = 'd'
	TagHooks    = 'h'
	TagListener = 'l'
	TagSeen     = 'p'
	TagReady    = 'r'
	TagGate     = 'g'
)

// A Message is what a program says, by a tag. It waits for the answer, one byte, before it
// goes on.
type Message struct {
	Tag         byte
	From        string // the programs that say it: of Compile, CompileExec, CompileHook, the sources
	Descriptors int    // that come with it (SCM_RIGHTS of unix(7)), in the order of what is asked for
	When        string // it is said
	Asks        string // what is to be done before the answer
}

// MostDescriptors is how many come with a message, at most.
const MostDescriptors = 2

// Messages is the whole conversation, in the order in which it goes on. Each message is
// for the launcher, and answered by it, but for that of the sources program: the
// birth program receives it through the launcher's end of the socket, and answers nothing.
func Messages() []Message {
	return []Message{
		{TagMaps, "birth", 0, "in a new user namespace, before all else", "write linux.uidMappings and gidMappings"},
		{TagNetwork, "birth", 0, "in its network namespace, with lo up", "move linux.netDevices there"},
		{TagSources, "birth", 0, "in a user namespace, before the mounts", "run the sources program, which says:"},
		{TagSource, "sources", 1, "for each mount the user namespace may not open", "attach the mount"},
		{TagProcfs, "birth", 0, "at a procfs of a pid namespace by path, before Linux 6.17",
			"run the procfs program, which says:"},
		{TagContext, "procfs", 1, "with a procfs to be configured", "send it on"},
		{TagCopyUp, "birth", 2, "at each tmpfs with tmpcopyup", "copy the directory it will cover to the tmpfs"},
		{TagTerminal, "birth, exec", 1, "with a terminal, behind the mounts", "take the master, or pass it on"},
		{TagDevices, "birth", 0, "with Birth.LateDevices, behind the devices", "set linux.resources.devices"},
		{TagHooks, "birth", 0, "behind the mounts", "run prestart, createRuntime and createContainer hooks"},
		{TagListener, "birth, exec, hook", 1, "when a filter is loaded that notifies, and allows this",
			"keep the listener, for the agent"},
		{TagSeen, "birth", 0, "before the clone into a pid namespace by path", "do nothing more for it: others see it"},
		{TagReady, "birth, exec, hook", 0, "when little but the execve is left",
			"record the container; stand for the process; send the agent the listener"},
		{TagGate, "birth", 0, "with GateSync, when the container is started", "run startContainer hooks"},
	}
}

// MessageOf finds the message of a tag.
func MessageOf(tag byte) (m Message, known bool) {
	all := Messages()
	i := slices.IndexFunc(all, func(m Message) bool { return m.Tag == tag })
	if i < 0 {
		return m, false
	}
	return all[i], true
}
