package cmd

import (
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/libcontainer"
)

// parseFlags runs a command line that has one command.
func parseFlags(flags []cli.Flag, args string, action cli.ActionFunc) error {
	app := &cli.App{Writer: io.Discard, Commands: []*cli.Command{{Name: "x", Flags: flags, OnUsageError: usageError,
		Action: action}}}
	return app.Run(append([]string{"rung", "x"}, strings.Fields(args)...))
}

func TestCheckpointFlags(t *testing.T) {
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(cwd, name) }
	for _, tt := range []struct {
		args string
		want libcontainer.CheckpointOptions
	}{
		{"c", libcontainer.CheckpointOptions{StatusFd: -1,
			CRIUOptions: libcontainer.CRIUOptions{ImagePath: in("checkpoint")}}},
		{"--image-path i --work-path=/w -tcp-established --ext-unix-sk --shell-job --file-locks --auto-dedup " +
			"--lazy-pages --manage-cgroups-mode full --empty-ns network --empty-ns x c",
			libcontainer.CheckpointOptions{StatusFd: -1, CRIUOptions: libcontainer.CRIUOptions{
				ImagePath: in("i"), WorkPath: "/w", TCPEstablished: true, ExtUnixSk: true, ShellJob: true,
				FileLocks: true,
				AutoDedup: true, LazyPages: true, ManageCgroups: "full", EmptyNS: []string{"network", "x"},
			}}},
		{"--image-path /i --parent-path ../p --leave-running --leave-running --tcp-skip-in-flight --link-remap " +
			"--status-fd 5 --page-server 127.0.0.1:1 --pre-dump c",
			libcontainer.CheckpointOptions{
				StatusFd: 5, ParentPath: "../p", LeaveRunning: true, TCPSkipInFlight: true, LinkRemap: true,
				PageServer: "127.0.0.1:1", PreDump: true,
				CRIUOptions: libcontainer.CRIUOptions{ImagePath: "/i"},
			}},
	} {
		got := libcontainer.CheckpointOptions{}
		err := parseFlags(checkpointFlags(&got), tt.args, func(c *cli.Context) error {
			return completeCRIU(c, &got.CRIUOptions)
		})
		if len(got.EmptyNS) == 0 {
			got.EmptyNS = nil
		}
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("checkpoint %s: %+v, %v; want %+v", tt.args, got, err, tt.want)
		}
	}
}

func TestRestoreFlags(t *testing.T) {
	for _, tt := range []struct {
		args string
		want libcontainer.RestoreOptions
	}{
		// as containerd calls it
		{"--image-path /i --work-path /w --detach --pid-file /p -no-subreaper --bundle /b c",
			libcontainer.RestoreOptions{
				CreateOptions: libcontainer.CreateOptions{ID: "c", Bundle: "/b", PidFile: "/p", Detach: true,
					NoSubreaper: true},
				CRIUOptions: libcontainer.CRIUOptions{ImagePath: "/i", WorkPath: "/w"},
			}},
		{"-d -b /b --console-socket /s --no-pivot --image-path /i --tcp-established --ext-unix-sk --shell-job " +
			"--file-locks --auto-dedup --lazy-pages" +
			" --manage-cgroups-mode ignore --empty-ns network --lsm-profile apparmor:x --lsm-mount-context y c",
			libcontainer.RestoreOptions{
				CreateOptions: libcontainer.CreateOptions{ID: "c", Bundle: "/b", ConsoleSocket: "/s", Detach: true},
				CRIUOptions: libcontainer.CRIUOptions{
					ImagePath: "/i", TCPEstablished: true, ExtUnixSk: true, ShellJob: true, FileLocks: true,
					AutoDedup: true, LazyPages: true,
					ManageCgroups: "ignore", EmptyNS: []string{"network"},
				},
				LSMProfile: "apparmor:x", LSMMountContext: "y",
			}},
	} {
		got := libcontainer.RestoreOptions{}
		err := parseFlags(restoreFlags(&got), tt.args, func(c *cli.Context) error {
			if err := complete(c, &got.CreateOptions); err != nil {
				return err
			}
			return completeCRIU(c, &got.CRIUOptions)
		})
		if len(got.EmptyNS) == 0 {
			got.EmptyNS = nil
		}
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("restore %s: %+v, %v; want %+v", tt.args, got, err, tt.want)
		}
	}
}
