package cmd

import "github.com/urfave/cli/v2"

func (a *App) start() *cli.Command {
	return onContainer("start the process of a created container", a.runtime.Start)
}
