package cmd

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/libcontainer"
)

// parse is what create and run do before they call the runtime.
func parse(args []string) (o libcontainer.CreateOptions, err error) {
	app := &cli.App{Writer: io.Discard, Commands: []*cli.Command{{
		Name: "create", Flags: createFlags(&o), OnUsageError: usageError,
		Action: func(c *cli.Context) error { return complete(c, &o) },
	}}}
	err = app.Run(append([]string{"rung", "create"}, args...))
	return o, err
}

func TestCreateFlags(t *testing.T) {
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args string
		want libcontainer.CreateOptions
	}{
		{"c", libcontainer.CreateOptions{ID: "c", Bundle: cwd}},
		{"--bundle /b --pid-file /p c", libcontainer.CreateOptions{ID: "c", Bundle: "/b", PidFile: "/p"}},
		{"-bundle=/b -pid-file=/p c", libcontainer.CreateOptions{ID: "c", Bundle: "/b", PidFile: "/p"}},
		{"-b /b -f f c", libcontainer.CreateOptions{ID: "c", Bundle: "/b", Config: filepath.Join(cwd, "f")}},
		{"--bundle /x/ --bundle b c", libcontainer.CreateOptions{ID: "c", Bundle: filepath.Join(cwd, "b")}},
		{"--console-socket s --pidfd-socket ../s --pid-file p c", libcontainer.CreateOptions{
			ID: "c", Bundle: cwd, ConsoleSocket: filepath.Join(cwd, "s"), PidfdSocket: filepath.Join(filepath.Dir(cwd),
				"s"), PidFile: filepath.Join(cwd, "p"),
		}},
		{"--no-pivot --no-new-keyring -no-subreaper --no-subreaper --preserve-fds 3 c", libcontainer.CreateOptions{
			ID: "c", Bundle: cwd, NoPivot: true, NoNewKeyring: true, PreserveFds: 3, NoSubreaper: true,
		}},
		{"--preserve-fds=1 --no-pivot=false -- c", libcontainer.CreateOptions{ID: "c", Bundle: cwd, PreserveFds: 1}},
	} {
		got, err := parse(strings.Fields(tt.args))
		if err != nil || got != tt.want {
			t.Errorf("create %s: %+v, %v; want %+v", tt.args, got, err, tt.want)
		}
	}
}
