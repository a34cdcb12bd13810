// Package cmd is rung's command line: one file for each command, each of which
// turns flags and arguments into a call of package libcontainer and its result
// into output. The spelling of commands and flags, the form of the output and
// the exit codes are those of runc, which clients rely on.
package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/libcontainer"
	"github.com/rung-oci/rung/libcontainer/copyup"
	"github.com/rung-oci/rung/libcontainer/interrupt"
	"github.com/rung-oci/rung/libcontainer/logs"
	"github.com/rung-oci/rung/libcontainer/store"
)

// Build is what is known of the executable.
type Build struct {
	Version string // unknown if empty
	Commit  string // unknown if empty

	// Configure, if not nil, may change the runtime before a command uses it.
	Configure func(*libcontainer.Runtime)
}

// App is the command line. It runs one command.
type App struct {
	build          Build
	stdout, stderr io.Writer
	global         globalFlags
	runtime        libcontainer.Runtime
	status         int // the exit code of a command without error
	failed         int // that of one with an error
}

// New returns the command line of an executable.
func New(b Build) *App {
	if b.Version == "" {
		b.Version = "unknown"
	}
	if b.Commit == "" {
		b.Commit = "unknown"
	}
	return &App{build: b, stdout: os.Stdout, stderr: os.Stderr, failed: 1}
}

// Run runs the command of args, the first of which is the program's name. It
// returns the exit code: 1 after an error (255 if exec failed, 128 and the signal
// if one has interrupted the command), which then is in the log and on stderr, else
// 0, or what became of the container's process (see [libcontainer.Runtime.Run]).
func (a *App) Run(args []string) int {
	if status, called := copyup.Main(args); called {
		return status
	}
	if err := a.dispatch(args); err != nil {
		if a.runtime.Log == nil {
			a.openLog() // a global flag is wrong; --log may be right
		}
		a.runtime.Log.Error(err)
		if interrupted := new(interrupt.Error); errors.As(err, &interrupted) {
			return 128 + int(interrupted.Signal)
		}
		return a.failed
	}
	return a.status
}

// dispatch runs the command of args: by itself if they are plain, or else with cli,
// which defines everything anew.
func (a *App) dispatch(args []string) error {
	if c := a.plain(args); c != nil {
		if err := a.setup(); err != nil {
			return err
		}
		return c.Command.Action(c)
	}
	app := a.cli(args)
	return app.Run(flagsFirst(app, args))
}

// Definition is the whole command line: for manual pages and completions.
func (a *App) Definition() *cli.App { return a.cli([]string{"rung", "help"}) }

func (a *App) cli(args []string) *cli.App {
	name := programName(args)
	help := slices.ContainsFunc(args, isHelp)
	list := a.commands(func(command string) bool { return help || slices.Contains(args, command) })
	if help {
		for _, c := range list {
			explain(c)
		}
	}
	return &cli.App{
		Name:           name,
		Usage:          "create and run containers from OCI bundles",
		UsageText:      name + " [global options] command [command options] [arguments]",
		Version:        a.version(name),
		Compiled:       time.Unix(1, 0), // or else cli looks at the file's time
		Flags:          a.global.flags(),
		Before:         func(*cli.Context) error { return a.setup() },
		Action:         noCommand,
		OnUsageError:   usageError,
		ExitErrHandler: func(*cli.Context, error) {}, // errors and exit codes are Run's
		Writer:         a.stdout,
		ErrWriter:      a.stderr,
		Commands:       list,

		DisableSliceFlagSeparator: true, // a comma in a value is part of it
	}
}

// commands returns the commands whose names are wanted. Making all takes a tenth of
// a millisecond and is for help.
func (a *App) commands(wanted func(name string) bool) []*cli.Command {
	all := [...]struct {
		name string
		make func(*App) *cli.Command
	}{
		{"check", (*App).check},
		{"checkpoint", (*App).checkpoint},
		{"create", (*App).create},
		{"delete", (*App).deleteCommand},
		{"events", (*App).events},
		{"exec", (*App).exec},
		{"features", (*App).features},
		{"kill", (*App).kill},
		{"list", (*App).list},
		{"pause", (*App).pause},
		{"plan", (*App).plan},
		{"ps", (*App).ps},
		{"restore", (*App).restore},
		{"resume", (*App).resume},
		{"run", (*App).run},
		{"spec", (*App).spec},
		{"start", (*App).start},
		{"state", (*App).state},
		{"update", (*App).update},
	}
	var list []*cli.Command
	for _, e := range all {
		if !wanted(e.name) {
			continue
		}
		c := e.make(a)
		c.Name = e.name
		c.HideHelpCommand = true // "help" and "h" are names for containers
		c.OnUsageError = usageError
		list = append(list, c)
	}
	return list
}

func isHelp(arg string) bool {
	arg = strings.TrimLeft(arg, "-")
	return arg == "help" || arg == "h"
}

// programName is the name that messages have for the executable.
func programName(args []string) string {
	if len(args) == 0 {
		return "rung"
	}
	return cmp.Or(peerName(args[0]), "rung")
}

// peerName returns the runtime whose place the executable has, going by the
// name it was called by: runc for runc and such as buildkit-runc, crun likewise,
// else "".
func peerName(path string) string {
	base := filepath.Base(path)
	switch name := base[strings.LastIndexByte(base, '-')+1:]; name {
	case "runc", "crun":
		return name
	}
	return ""
}

// version is what follows "NAME version " for --version: clients parse it. In
// the place of another runtime the name is that one's, so the last line tells
// that it is rung.
func (a *App) version(name string) string {
	v := fmt.Sprintf("%s\ncommit: %s\nspec: %s\ngo: %s", a.build.Version, a.build.Commit, specs.Version,
		runtime.Version())
	if name != "rung" {
		v += "\nimplementation: rung"
	}
	return v
}

func noCommand(c *cli.Context) error {
	if c.Args().Present() {
		return fmt.Errorf("unknown command %q: see %s --help", c.Args().First(), c.App.Name)
	}
	return fmt.Errorf("no command: see %s --help", c.App.Name)
}

func usageError(c *cli.Context, err error, isSubcommand bool) error {
	if !isSubcommand {
		return fmt.Errorf("%w: see %s --help", err, c.App.Name)
	}
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: "); ok {
		if known, _ := findFlag(c.App.Flags, name); known {
			return fmt.Errorf("%s: %w: it is a global flag, which stands before the command", c.Command.Name, err)
		}
	}
	return fmt.Errorf("%s: %w: see %s %[1]s --help", c.Command.Name, err, c.App.Name)
}

// globalFlags are the flags before the command.
type globalFlags struct {
	root, log, logFormat, logLevel, imageDir string
	cgroupManager, rootless, criu, allow     string
	debug, strict, systemdCgroup             bool
}

func (g *globalFlags) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "root", Destination: &g.root, Usage: "`DIR` of the containers' state",
			DefaultText: store.DefaultRoot + ", or $XDG_RUNTIME_DIR/rung if not root"},
		stringFlag("log", &g.log, "log to `FILE` instead of stderr"),
		&cli.StringFlag{Name: "log-format", Destination: &g.logFormat, Value: "text",
			Usage: "`FORMAT` of the log: text or json"},
		&cli.StringFlag{Name: "log-level", Destination: &g.logLevel, Value: "warning",
			Usage: "least `LEVEL` to log: error, warning, info or debug"},
		boolFlag("debug", &g.debug, "the same as --log-level debug"),
		stringFlag("image-dir", &g.imageDir, "make the images of first processes in `DIR`, not in memory"),
		boolFlag("strict", &g.strict, "refuse unknown properties in config.json"),
		stringFlag("allow", &g.allow,
			"allow annotations that can do harm: `NAMES` such as org.systemd.property.Slice, with commas between them"),
		boolFlag("systemd-cgroup", &g.systemdCgroup, "the same as --cgroup-manager systemd"),
		&cli.StringFlag{Name: "cgroup-manager", Destination: &g.cgroupManager, Value: "cgroupfs",
			Usage:       "`MANAGER` of cgroups: cgroupfs, systemd, or disabled for containers that have none",
			DefaultText: "cgroupfs"},
		&cli.StringFlag{Name: "rootless", Destination: &g.rootless, Value: "auto",
			Usage:       "`VALUE` true, false or auto: may containers do without cgroups? auto: if not root",
			DefaultText: "auto"},
		&cli.StringFlag{Name: "criu", Destination: &g.criu, Hidden: true, Usage: "`PATH` of CRIU's executable"},
	}
}

// setup makes the runtime that the global flags describe. The log comes first,
// so that what is wrong with the other flags is found in it.
func (a *App) setup() error {
	g := &a.global
	err := a.openLog()
	if err == nil {
		err = g.checkManager()
	}
	if err != nil {
		return err
	}
	if a.runtime.Store, err = g.store(); err != nil {
		return err
	}
	a.runtime.Version = a.build.Version
	a.runtime.Self = "/proc/self/exe"
	a.runtime.ImageDir = g.imageDir
	a.runtime.Strict = g.strict
	a.runtime.NoCgroup = g.cgroupManager == "disabled"
	a.runtime.SystemdCgroup = g.systemdCgroup || g.cgroupManager == "systemd"
	a.runtime.Allow = strings.Split(g.allow, ",")
	a.runtime.CRIU = g.criu
	if a.runtime.Rootless, err = parseRootless(g.rootless); err != nil {
		return err
	}
	if a.build.Configure != nil {
		a.build.Configure(&a.runtime)
	}
	return nil
}

// openLog opens the log that the flags describe, or as much of that as is right.
func (a *App) openLog() error {
	g := &a.global
	format, formatErr := logs.ParseFormat(g.logFormat)
	level, levelErr := g.level()
	a.runtime.Log = logs.New(format, level)
	if g.log != "" {
		log, err := logs.Open(g.log, format, level)
		if err != nil {
			return err
		}
		a.runtime.Log = log
	}
	return errors.Join(formatErr, levelErr)
}

func (g *globalFlags) level() (logs.Level, error) {
	if g.debug {
		return logs.LevelDebug, nil
	}
	return logs.ParseLevel(g.logLevel)
}

// checkManager refuses what --cgroup-manager cannot be, alone or with --systemd-cgroup.
func (g *globalFlags) checkManager() error {
	switch g.cgroupManager {
	case "cgroupfs", "systemd":
	case "disabled":
		if g.systemdCgroup {
			return errors.New("--systemd-cgroup and --cgroup-manager disabled exclude each other")
		}
	default:
		return fmt.Errorf("--cgroup-manager: %q is no cgroup manager", g.cgroupManager)
	}
	return nil
}
