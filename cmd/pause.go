package cmd

import "github.com/urfave/cli/v2"

func (a *App) pause() *cli.Command {
	return onContainer("stop all processes of a container until resume", a.runtime.Pause)
}

func (a *App) resume() *cli.Command {
	return onContainer("let the processes of a paused container go on", a.runtime.Resume)
}
