package cmd

import (
	"cmp"
	"strings"

	"github.com/urfave/cli/v2"
)

// Help is what the help and the manual page say of a command besides its usage
// and flags.
type Help struct {
	Group    string // of commands, in the list of all
	About    string // one or more paragraphs, in lines of at most 80 columns
	Examples []Example
}

// Example is a command line, and what it does.
type Example struct{ About, Line string }

// The groups of commands. Help sorts them by name.
const (
	groupLife  = "A container's life (OCI)"
	groupDaily = "Living with a container"
	groupLook  = "Looking"
	groupTools = "Tools"
)

// explain gives a command its help.
func explain(c *cli.Command) {
	h := HelpOf(c.Name)
	c.Category = h.Group
	c.Description = cmp.Or(c.Description, h.About)
	var b strings.Builder
	b.WriteString(commandTemplate)
	for i, e := range h.Examples {
		if i == 0 {
			b.WriteString("\nEXAMPLES:\n")
		}
		b.WriteString("   # " + e.About + "\n   " + e.Line + "\n")
	}
	c.CustomHelpTemplate = b.String()
}

const commandTemplate = `NAME:
   {{template "helpNameTemplate" .}}

USAGE:
   {{template "usageTemplate" .}}{{if .Description}}

DESCRIPTION:
   {{template "descriptionTemplate" .}}{{end}}{{if .VisibleFlags}}

OPTIONS:{{template "visibleFlagTemplate" .}}{{end}}
`

// HelpOf returns the help of a command, which is empty for an unknown one.
func HelpOf(command string) Help {
	for _, helpOf := range [...]func(string) Help{helpOfLife, helpOfDaily, helpOfLook, helpOfTools} {
		if help := helpOf(command); help.Group != "" {
			return help
		}
	}
	return Help{}
}

func helpOfLife(command string) Help {
	switch command {
	case "create":
		return Help{groupLife, `Makes the container that the bundle's config.json describes: its cgroups,
namespaces, mounts and first process, which waits for "start" before it executes
the user's program. Nothing is left when a step fails.`, []Example{
			{"from the bundle in the working directory", "rung create c1"},
			{"as a container engine does it", "rung create --bundle /b --pid-file /b/pid c1"},
			{"with a terminal, whose master is sent to a socket",
				"rung create --bundle /b --console-socket /b/tty.sock c1"},
		}}
	case "start":
		return Help{groupLife, `Lets the process of a created container execute the user's program. The hooks
startContainer run before, the hooks poststart after it.`, []Example{
			{"start what create has made", "rung start c1"},
		}}
	case "run":
		return Help{groupLife, `Creates a container, starts it, waits for its process, deletes it, and exits as
the process did, with 128 + N if signal N ended it. Signals that rung gets go to
the process. With --detach it neither waits nor deletes.`, []Example{
			{"in the foreground, from the bundle in the working directory", "rung run c1"},
			{"in the background", "rung run --detach --bundle /b c1"},
			{"and draw where the start-up time went", "rung run --timeline - c1"},
		}}
	case "kill":
		return Help{groupLife, `Sends a signal to the container's first process. SIGNAL is a name or number, such
as KILL, SIGKILL, 9 or RTMIN+1. It is TERM if not given.`, []Example{
			{"ask it to end", "rung kill c1"},
			{"end all its processes", "rung kill --all c1 KILL"},
		}}
	case "delete":
		return Help{groupLife, `Removes what is left of a stopped container: its state and its cgroups. The hooks
poststop run after it. A container that is not stopped is refused without --force.`, []Example{
			{"after the container has ended", "rung delete c1"},
			{"whatever it is doing; no error if there is none", "rung delete --force c1"},
		}}
	case "state":
		return Help{groupLife, `Prints the state that the OCI runtime specification defines: creating, created,
running or stopped, and paused for one that is frozen. It is found out from the
kernel, not remembered.`, []Example{
			{"everything", "rung state c1"},
			{"only the status", "rung state c1 | jq -r .status"},
			{"for people", "rung state --format table c1"},
		}}
	}
	return Help{}
}

func helpOfDaily(command string) Help {
	switch command {
	case "exec":
		return Help{groupDaily, `Runs another process in a running container: in its namespaces, cgroups and root.
What is not given is as for the container's first process; with --process the
file says it all, and other options about the process are ignored.

In the foreground rung exits as the process did, with 128 + N if signal N ended
it, and with 255 if the process could not be started. What follows the ID belongs
to the process.`, []Example{
			{"a shell on this terminal", "rung exec --tty c1 sh"},
			{"as another user, in another directory", "rung exec --user 1000:1000 --cwd /tmp c1 id"},
			{"as a container engine does it", "rung exec --process /b/process.json --detach --pid-file /b/exec.pid c1"},
		}}
	case "pause":
		return Help{groupDaily, `Stops all processes of a container where they are, until "resume": they neither
see it nor can avoid it. If one cannot be stopped within two seconds, all go on.`, []Example{
			{"freeze", "rung pause c1"},
		}}
	case "resume":
		return Help{groupDaily, `Lets the processes of a paused container go on.`, []Example{
			{"go on", "rung resume c1"},
		}}
	case "update":
		return Help{groupDaily, `Changes a container's limits while it runs. Only what is given changes; when
the kernel refuses a part of it, nothing does. Sizes are bytes or have a unit
(100M, 2GiB); -1 takes a limit away, 0 leaves it as it is.

With --resources the other flags are ignored. The file is JSON, the object
linux.resources of config.json.`, []Example{
			{"memory and processes", "rung update --memory 512M --pids-limit 100 c1"},
			{"half a CPU", "rung update --cpu-period 100000 --cpu-quota 50000 c1"},
			{"a linux.resources object on standard input",
				`echo '{"memory":{"limit":67108864}}' | rung update --resources - c1`},
		}}
	case "checkpoint":
		return Help{groupDaily, `Saves a running container to image files by means of CRIU, which has to be
installed, and ends and deletes it. CRIU's errors are in rung's, and all that it
did is in the file dump.log of --work-path.`, []Example{
			{"save and end", "rung checkpoint --image-path /var/tmp/c1 c1"},
			{"save and let it run", "rung checkpoint --image-path /var/tmp/c1 --leave-running c1"},
			{"with open connections and file locks", "rung checkpoint --tcp-established --file-locks c1"},
		}}
	case "restore":
		return Help{groupDaily, `Makes a container again from the image files that "checkpoint" has saved, by
means of CRIU, and goes on as "run" does. The bundle must be as it was. CRIU's
errors are in rung's, and all that it did is in the file restore.log of
--work-path.`, []Example{
			{"in the background", "rung restore --image-path /var/tmp/c1 --bundle /b --detach c1"},
		}}
	}
	return Help{}
}

func helpOfLook(command string) Help {
	switch command {
	case "list":
		return Help{groupLook, `Prints the containers below --root, whoever made them. The state of other users
and engines lies elsewhere.`, []Example{
			{"a table", "rung list"},
			{"the containers of containerd's namespace default", "rung --root /run/containerd/runc/default list"},
			{"remove all", "rung list -q | xargs -rn1 rung delete --force"},
		}}
	case "ps":
		return Help{groupLook, `Shows the processes of a container, with the pids of the host. What follows the
ID is for ps(1); without it that is -ef. A single argument may hold several,
separated by spaces. The output must have a column PID.`, []Example{
			{"a table", "rung ps c1"},
			{"memory and threads", "rung ps c1 -o pid,rss,nlwp,args"},
			{"only the pids", "rung ps --format json c1"},
		}}
	case "events":
		return Help{groupLook, `Prints the statistics of a container now and at every interval, and tells when its
memory runs out, until it stops: one JSON object on each line, or a table with
units.`, []Example{
			{"once, for a program", "rung events --stats c1"},
			{"once, for people", "rung events --stats --format table c1"},
			{"every second", "rung events --interval 1s c1"},
		}}
	case "plan":
		return Help{groupLook, `Prints the system calls that would make the container of a bundle, in the order
in which they would be made and in the manner of strace(1). Nothing is run.`, []Example{
			{"of the bundle in the working directory", "rung plan"},
			{"what becomes of /proc", "rung plan /b | grep -A 12 'on /proc$'"},
		}}
	case "check":
		return Help{groupLook, `Looks at the machine and says what works for containers, and below what does not
what can be done. "no" is about what containers can do without, "FAIL" about what
they cannot. The exit status is 0 if containers can run, else 1. Nothing is
changed.`, []Example{
			{"everything", "rung check"},
			{"what is needed and not there", `rung check --format json | jq '.findings[] | select(.status == "fail")'`},
		}}
	}
	return Help{}
}

func helpOfTools(command string) Help {
	switch command {
	case "features":
		return Help{groupTools, `Prints, as JSON for container engines, which parts of the OCI runtime
specification this rung knows: mount options, namespaces, capabilities, seccomp.`, []Example{
			{"are recursive read-only mounts possible?", `rung features | jq '.mountOptions | index("rro")'`},
		}}
	case "spec":
		return Help{groupTools, `Writes a config.json that runs a shell in the root filesystem "rootfs" beside it,
to be edited. An existing file is never replaced.`, []Example{
			{"a bundle of busybox", "mkdir -p b/rootfs/bin && cp /bin/busybox b/rootfs/bin/sh && rung spec --bundle b"},
		}}
	}
	return Help{}
}
