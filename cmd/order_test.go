package cmd

import (
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestFlagsFirst(t *testing.T) {
	app := &cli.App{
		Flags: []cli.Flag{&cli.StringFlag{Name: "root"}, &cli.BoolFlag{Name: "debug"}},
		Commands: []*cli.Command{
			{Name: "kill", Flags: []cli.Flag{&cli.BoolFlag{Name: "all", Aliases: []string{"a"}}}},
			{Name: "update", Flags: []cli.Flag{&cli.StringFlag{Name: "resources", Aliases: []string{"r"}},
				&cli.IntFlag{Name: "cpu-quota"}}},
			{Name: "exec", Flags: []cli.Flag{&cli.StringFlag{Name: "cwd"}}},
			{Name: "ps", Flags: []cli.Flag{&cli.StringFlag{Name: "format", Aliases: []string{"f"}}}},
		},
	}
	for _, tt := range []struct{ args, want string }{
		{"", ""},
		{"--root", "--root"},
		{"--debug", "--debug"},
		{"kill", "kill"},
		{"kill c 9", "kill c 9"},
		{"kill c --all 9", "kill --all c 9"},
		{"kill c 9 -a", "kill -a c 9"},
		{"kill c -9", "kill c -9"},
		{"kill c --nope -a", "kill -a c --nope"},
		{"kill c -- -a", "kill c -- -a"},
		{"kill -a c", "kill -a c"},
		{"kill c --help", "kill --help"},
		{"kill -h c", "kill --help"},
		{"kill help -a", "kill -a help"},
		{"exec c --help", "exec c --help"},
		{"kill kill -a", "kill -a kill"},
		{"--root kill update c -r - ", "--root kill update -r - c"},
		{"--root=x -debug update c -resources=f --cpu-quota -1",
			"--root=x -debug update -resources=f --cpu-quota -1 c"},
		{"update c --cpu-quota", "update --cpu-quota c"},
		{"update c -", "update c -"},
		{"exec c ls --cwd /", "exec c ls --cwd /"},
		{"exec c --cwd / ls", "exec c --cwd / ls"},
		{"ps c -f", "ps c -f"},
		{"nope c --all", "nope c --all"},
	} {
		args := append([]string{"rung"}, strings.Fields(tt.args)...)
		want := append([]string{"rung"}, strings.Fields(tt.want)...)
		if got := flagsFirst(app, args); !slices.Equal(got, want) {
			t.Errorf("rung %s: %q, want %q", tt.args, got, want)
		}
	}
}
