package birth

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/nsenter"
)

// filterPlace is where in a program the filter is loaded. Early is better: a process that
// others can see, and trace if they may, is under it then. But all that is still to be done
// has to be allowed by it.
type filterPlace int

const (
	// beforeRights are given up, among them CAP_SYS_ADMIN, which loading takes unless
	// there is noNewPrivileges (seccomp(2)).
	beforeRights filterPlace = iota
	// beforeClone: CAP_SYS_ADMIN is kept until then, and given up before anybody sees
	// the process.
	beforeClone
	// beforeExecve, which gives up CAP_SYS_ADMIN.
	beforeExecve
)

// withFilter compiles a program that loads the filter as early as the filter lets all that
// follows happen.
func withFilter(in *Input, compile func(*compiler) error) (*compiler, error) {
	for place := beforeRights; ; place++ {
		c := newCompiler(in)
		if c.place = place; in.Filter == nil {
			c.place = beforeExecve
		}
		if err := compile(c); err != nil {
			return nil, err
		}
		if c.place == beforeExecve || c.isAllowed() {
			return c, nil
		}
	}
}

// isAllowed reports whether the filter allows every call that follows on its loading, with
// the arguments that are known now and whatever the others will be. About the execve an agent may be
// asked: it has the listener by then.
func (c *compiler) isAllowed() bool {
	var words [6]seccomp.Word
	for i := c.loaded + 1; i < c.executes; i++ {
		s := &c.Steps[i]
		if s.Op != nsenter.OpCall {
			continue
		}
		for j := range s.Args {
			words[j].Value, words[j].Known = s.Args[j].Constant()
		}
		allows := c.in.Filter.Allows
		if s.Nr == unix.SYS_EXECVE {
			allows = c.in.Filter.AllowsOrNotifies
		}
		if !allows(s.Nr, words[:len(s.Args)]...) {
			return false
		}
	}
	return true
}

// filter loads the filter if this is the place for it.
func (c *compiler) filter(place filterPlace) {
	f := c.in.Filter
	if f == nil || c.place != place {
		return
	}
	c.about("linux.seccomp", "loading the seccomp filter")
	c.loaded = len(c.Steps)
	loading := c.SeccompSetFilter(uint64(f.Flags), f.Bytes())
	if f.Listens() {
		c.listen(loading)
	}
	if place == beforeClone && c.forFilter() != 0 {
		c.about("process.capabilities", "giving up the capability to load a filter")
		c.Capset(c.sets.effective, c.sets.permitted, c.sets.inheritable)
	}
}

// listen has the launcher get the listener of the filter that was loaded. Where the filter allows
// that, the program sends it, and goes on without it. Under one that may ask the agent about the very calls that
// this takes, nothing is left but the execve, and no call can be made any more: the launcher takes the listener
// (pidfd_getfd(2)), and what it needs for that is in the report page.
func (c *compiler) listen(loading nsenter.Call) {
	if c.place == beforeExecve {
		loading.MarkListener()
		c.about("linux.seccomp.listenerPath", "waiting for the listener to be taken")
		c.AwaitTaken()
		return
	}
	listener := c.Cell("listener")
	loading.Into(listener)
	c.about("linux.seccomp.listenerPath", "handing over the listener")
	c.sync(TagListener, listener)
	c.close(listener)
}

// sendsListener reports whether the program sends the listener.
func (c *compiler) sendsListener() bool { return c.in.Filter.Listens() && c.place != beforeExecve }

// AllowsClock reports whether a process may look at the clock under its filter, so that
// what it does behind the loading can be timed.
func (in *Input) AllowsClock() bool {
	return in.Filter == nil || in.Filter.Allows(unix.SYS_CLOCK_GETTIME, seccomp.Word{}, seccomp.Word{})
}

func (c *compiler) noNewPrivileges() {
	if c.proc.NoNewPrivileges {
		c.about("process.noNewPrivileges", "setting process.noNewPrivileges")
		c.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
}

// forFilter is the capability that is kept for loading the filter.
func (c *compiler) forFilter() uint64 {
	if c.in.Filter == nil || c.place == beforeRights || c.proc.NoNewPrivileges {
		return 0
	}
	return 1 << unix.CAP_SYS_ADMIN
}
