package cmd

import "github.com/urfave/cli/v2"

func (a *App) deleteCommand() *cli.Command {
	var force, regex bool
	remove := func(id string) error {
		return a.each(id, regex, func(id string) error { return a.runtime.Delete(id, force) })
	}
	return onContainer("remove a stopped container", remove,
		boolFlag("force, f", &force, "kill the container first; it need not exist"), regexFlag(&regex))
}
