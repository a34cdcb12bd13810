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
			stringFlag("console-socket", &o.ConsoleSocket, "send the terminal's master to the socket at `PATH`"),
			stringFlag("pidfd-socket", &o.PidfdSocket, "send a pidfd of the process to the socket at `PATH`"),
			stringFlag("cwd", &o.Cwd, "working `DIR` in the container"),
			listFlag("env, e", "set `NAME=VALUE` in the environment (repeatable)"),
			boolFlag("tty, t", &o.Terminal, "give the process a terminal"),
			stringFlag("user, u", &user, "user, and group, of the process: `UID[:GID]`, numbers"),
			listFlag("additional-gids, g", "one more group, `GID`, of the process (repeatable)"),
			stringFlag("process, p", &o.ProcessFile, "`FILE` with the process, a process object of config.json"),
			boolFlag("detach, d", &o.Detach, "do not wait for the process"),
			stringFlag("pid-file", &o.PidFile, "write the process's pid to `FILE`"),
			stringFlag("process-label", &o.SelinuxLabel, "SELinux `LABEL` of the process"),
			stringFlag("apparmor", &o.AppArmor, "AppArmor `PROFILE` of the process"),
			boolFlag("no-new-privs", nil, "let the process gain no privileges"),
			listFlag("cap, c", "add the capability `CAP` (repeatable)"),
			preserveFlag(&o.PreserveFds),
			listFlag("cgroup", "run in an existing cgroup below the container's: `[CONTROLLER:]PATH` (repeatable)"),
			boolFlag("ignore-paused", &o.IgnorePaused, "wait until a paused container is resumed"),
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
