package cmd

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/libcontainer"
)

// execFailed is the exit code of an exec that could not execute the process:
// others are the process's.
const execFailed = 255

func (a *App) exec() *cli.Command {
	var o libcontainer.ExecOptions
	var user, timeline string
	return &cli.Command{
		Usage:     "execute a process in a running container",
		ArgsUsage: "ID COMMAND [ARG...]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "console-socket", Destination: &o.ConsoleSocket,
				Usage: "send the terminal's master to the socket at `PATH`"},
			&cli.StringFlag{Name: "pidfd-socket", Destination: &o.PidfdSocket,
				Usage: "send a pidfd of the process to the socket at `PATH`"},
			&cli.StringFlag{Name: "cwd", Destination: &o.Cwd, Usage: "working `DIR` in the container"},
			&cli.StringSliceFlag{Name: "env", Aliases: []string{"e"},
				Usage: "set `NAME=VALUE` in the environment (repeatable)"},
			&cli.BoolFlag{Name: "tty", Aliases: []string{"t"}, Destination: &o.Terminal,
				Usage: "give the process a terminal", DisableDefaultText: true},
			&cli.StringFlag{Name: "user", Aliases: []string{"u"}, Destination: &user,
				Usage: "user, and group, of the process: `UID[:GID]`, numbers"},
			&cli.StringSliceFlag{Name: "additional-gids", Aliases: []string{"g"},
				Usage: "one more group, `GID`, of the process (repeatable)"},
			&cli.StringFlag{Name: "process", Aliases: []string{"p"}, Destination: &o.ProcessFile,
				Usage: "`FILE` with the process, a process object of config.json"},
			&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Destination: &o.Detach,
				Usage: "do not wait for the process", DisableDefaultText: true},
			&cli.StringFlag{Name: "pid-file", Destination: &o.PidFile, Usage: "write the process's pid to `FILE`"},
			&cli.StringFlag{Name: "process-label", Destination: &o.SelinuxLabel,
				Usage: "SELinux `LABEL` of the process"},
			&cli.StringFlag{Name: "apparmor", Destination: &o.AppArmor, Usage: "AppArmor `PROFILE` of the process"},
			&cli.BoolFlag{Name: "no-new-privs", Usage: "let the process gain no privileges", DisableDefaultText: true},
			&cli.StringSliceFlag{Name: "cap", Aliases: []string{"c"}, Usage: "add the capability `CAP` (repeatable)"},
			&cli.IntFlag{Name: "preserve-fds", Destination: &o.PreserveFds,
				Usage: "pass `N` more file descriptors to the process"},
			&cli.StringSliceFlag{Name: "cgroup",
				Usage: "run in an existing cgroup below the container's: `[CONTROLLER:]PATH` (repeatable)"},
			&cli.BoolFlag{Name: "ignore-paused", Destination: &o.IgnorePaused,
				Usage: "wait until a paused container is resumed", DisableDefaultText: true},
			timelineFlag(&timeline),
		},
		Action: func(c *cli.Context) error {
			args := c.Args().Slice()
			if len(args) == 0 {
				return usage(c, "an argument is missing")
			}
			a.failed = execFailed
			o.ID, o.Args = args[0], args[1:]
			err := completeExec(c, &o, user)
			if err == nil {
				err = a.timed(timeline, func() (err error) {
					a.status, err = a.runtime.Exec(o)
					return withFlags(err)
				})
			}
			if err != nil {
				return fmt.Errorf("exec failed: %w", err)
			}
			return nil
		},
	}
}

// completeExec takes from the flags what needs a look.
func completeExec(c *cli.Context, o *libcontainer.ExecOptions, user string) (err error) {
	if o.ProcessFile == "" { // or else they are ignored
		o.Env, o.Capabilities = c.StringSlice("env"), c.StringSlice("cap")
		if c.IsSet("user") {
			if o.UID, o.GID, err = parseUser(user); err != nil {
				return fmt.Errorf("--user %q: %w", user, err)
			}
		}
		for _, text := range c.StringSlice("additional-gids") {
			gid, err := parseNumericID(text)
			if err != nil {
				return fmt.Errorf("--additional-gids %q: %w", text, err)
			}
			o.AdditionalGids = append(o.AdditionalGids, gid)
		}
		if c.IsSet("no-new-privs") {
			value := c.Bool("no-new-privs")
			o.NoNewPrivs = &value
		}
	}
	o.Cgroup = c.StringSlice("cgroup")
	return makeAbsolute(&o.ProcessFile, &o.ConsoleSocket, &o.PidfdSocket, &o.PidFile)
}

// parseUser parses UID[:GID]. Names are none of a runtime's business, and what is
// no number must not become one (CVE-2026-30892).
func parseUser(text string) (uid, gid *uint32, err error) {
	user, group, ok := strings.Cut(text, ":")
	u, err := parseNumericID(user)
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		return &u, nil, nil
	}
	g, err := parseNumericID(group)
	if err != nil {
		return nil, nil, err
	}
	return &u, &g, nil
}

var errNoID = errors.New("not a numeric ID from 0 to 4294967294")

// parseNumericID parses the decimal digits of an ID. The greatest number is none:
// it means "unchanged" to setresuid(2).
func parseNumericID(text string) (uint32, error) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, errNoID
	}
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil || id == math.MaxUint32 {
		return 0, errNoID
	}
	return uint32(id), nil
}
