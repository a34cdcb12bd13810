package cmd

import (
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// seen is what an action can see of a command line.
type seen struct {
	global globalFlags
	usage  string // which has the names of the program and the command
	args   []string
	flags  []string
}

func see(a *App, c *cli.Context) *seen {
	s := &seen{global: a.global, usage: usage(c, "").Error(), args: c.Args().Slice()}
	for _, f := range c.Command.Flags {
		name, _ := namesOf(f)
		if name == "help" { // cli's own
			continue
		}
		s.flags = append(s.flags, fmt.Sprintf("%s=%q set=%v", name, valueOf(c, f), c.IsSet(name)))
	}
	return s
}

// valueOf returns the value of a flag: that of its variable, if it has one.
func valueOf(c *cli.Context, f cli.Flag) []string {
	switch f := f.(type) {
	case *cli.BoolFlag:
		return []string{fmt.Sprint(variable(f.Destination, c.Bool(f.Name)))}
	case *cli.DurationFlag:
		return []string{fmt.Sprint(variable(f.Destination, c.Duration(f.Name)))}
	case *cli.IntFlag:
		return []string{fmt.Sprint(variable(f.Destination, c.Int(f.Name)))}
	case *cli.StringFlag:
		return []string{variable(f.Destination, c.String(f.Name))}
	case *cli.StringSliceFlag:
		return c.StringSlice(f.Name)
	}
	panic(fmt.Sprintf("flag of type %T", f))
}

func variable[T any](p *T, otherwise T) T {
	if p != nil {
		return *p
	}
	return otherwise
}

// byCLI lets cli parse args. What an action sees is nil if none was run.
func byCLI(a *App, args []string) (s *seen, err error) {
	app := a.cli(args)
	app.Before = nil
	for _, c := range app.Commands {
		c.Action = func(c *cli.Context) error {
			s = see(a, c)
			return nil
		}
	}
	err = app.Run(flagsFirst(app, args))
	return s, err
}

func quietApp() *App {
	a := New(Build{})
	a.stdout, a.stderr = io.Discard, io.Discard
	return a
}

// checkPlain requires that a command line means the same with and without cli, and
// to cli the same after plain has declined it. It reports whether it is plain.
func checkPlain(t *testing.T, args []string) bool {
	t.Helper()
	want, wantErr := byCLI(quietApp(), slices.Clone(args))
	a := quietApp()
	c := a.plain(args)
	if c != nil {
		if got := see(a, c); !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\n%+v, with cli\n%+v, %v", args, got, want, wantErr)
		}
		return true
	}
	got, err := byCLI(a, args)
	if !reflect.DeepEqual(got, want) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
		t.Errorf("%q, declined:\n%+v, %v, with cli alone\n%+v, %v", args, got, err, want, wantErr)
	}
	return false
}

// The command lines of container engines, and usual ones of people.
func TestPlain(t *testing.T) {
	const global = "--root /r --log /l --log-format json "
	for _, line := range []string{
		global + "create --bundle /b --pid-file /p --no-pivot --console-socket /s --preserve-fds 3 ID",
		global + "start ID",
		global + "state ID",
		global + "kill ID 9",
		global + "kill --all ID 9",
		global + "delete ID",
		global + "delete --force ID",
		global + "exec --process /f --detach --pid-file /p ID",
		global + "exec --process /f --console-socket /s --detach --pid-file /p ID",
		global + "ps --format json ID",
		global + "pause ID",
		global + "resume ID",
		global + "update --resources - ID",
		global + "events --stats ID",
		global + "events --interval 1s ID",
		global + "list --format=json",
		global + "run --bundle /b --detach --keep ID",
		global + "checkpoint --image-path /i --leave-running --empty-ns network ID",
		global + "restore --image-path /i --bundle /b --detach --no-subreaper ID",
		global + "--systemd-cgroup --debug=false --strict create ID",
		"--root=/r --log=/l --log-format=json --cgroup-manager cgroupfs create --bundle /b --pid-file /p ID",
		"-root /r -debug state ID",
		"exec -d -e A=b --cwd / ID cmd -x --y",
		"exec -e A=b -e C=d -t -u 0:0 ID sh -c true",
		"exec ID -- cmd",
		"exec -- ID cmd",
		"kill ID -a KILL",
		"delete ID --force",
		"delete -f ID",
		"delete -- -f",
		"delete ID -- -f",
		"ps ID -o pid,args",
		"update --memory 1G --pids-limit=-1 ID",
		"update ID -r -",
		"state state",
		"state -",
		"check",
		"features",
		"list -q",
		"plan /b",
		"spec --bundle /b",
		"run ID",
	} {
		if !checkPlain(t, append([]string{"rung"}, strings.Fields(line)...)) {
			t.Errorf("%s: left to cli", line)
		}
	}
}

// What only cli can do right.
func TestNotPlain(t *testing.T) {
	for _, line := range []string{
		"", "help", "--help", "-h", "--version", "-v", "nope ID", "--nope state ID", "--root", "--root /r",
		"--debug=perhaps list", "--",
		"state --help", "state ID --help", "state -h ID", "exec -h ID", "help state", "help kill", "state ID --nope",
		"state ID ---help",
		"kill -9 ID", "kill ID -9", "delete --force=perhaps ID", "list --format", "exec --preserve-fds x ID",
		"events --interval x ID",
		"exec -dt ID sh", "exec -d --detach ID sh", "exec -e A=b --env C=d ID sh", "exec -e A=b,c ID sh",
		"exec -e A=\xff ID sh", "exec --=x ID", "exec --- ID",
		"-- --root /r list",
	} {
		if checkPlain(t, append([]string{"rung"}, strings.Fields(line)...)) {
			t.Errorf("%s: not left to cli", line)
		}
	}
	if checkPlain(t, nil) {
		t.Error("no arguments at all: not left to cli")
	}
}

// Command lines of all sorts, made of words that mean something.
func TestPlainAtRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	app := New(Build{}).Definition()
	plain := 0
	const rounds = 3000
	for range rounds {
		args := []string{pick(r, []string{"rung", "runc", ""})}
		args = append(args, randomArgs(r, app.Flags, nil)...)
		c := pick(r, app.Commands)
		args = append(args, c.Name)
		args = append(args, randomArgs(r, c.Flags,
			[]string{"ID", "ID", "ID", "9", "state", "--root", "", "-", "--", "-x", "\xff"})...)
		if r.IntN(8) == 0 {
			args = slices.Insert(args, 1+r.IntN(len(args)),
				pick(r, []string{"--", "-", "", "---", "-=", "--=x", "-h", "--help", "help", "h", "--version", "-v",
					"ID", "--nope", "list"}))
		}
		if checkPlain(t, args) {
			plain++
		}
	}
	if plain < rounds/10 {
		t.Errorf("only %d of %d command lines are plain", plain, rounds)
	}
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// randomArgs returns a few flags, in all spellings and mostly with good values, and
// a few of others.
func randomArgs(r *rand.Rand, flags []cli.Flag, others []string) (args []string) {
	for range r.IntN(5) {
		if len(flags) == 0 || len(others) > 0 && r.IntN(3) == 0 {
			if len(others) > 0 {
				args = append(args, pick(r, others))
			}
			continue
		}
		f := pick(r, flags)
		arg := pick(r, []string{"-", "--"}) + pick(r, f.Names())
		value := randomValue(r, f)
		switch _, isBool := f.(*cli.BoolFlag); {
		case isBool && r.IntN(3) > 0 || r.IntN(20) == 0:
			args = append(args, arg)
		case isBool || r.IntN(2) == 0:
			args = append(args, arg+"="+value)
		default:
			args = append(args, arg, value)
		}
	}
	return args
}

func randomValue(r *rand.Rand, f cli.Flag) string {
	if r.IntN(10) > 0 {
		switch f.(type) {
		case *cli.BoolFlag:
			return pick(r, []string{"true", "false", "1", "F"})
		case *cli.IntFlag:
			return pick(r, []string{"0", "3", "-1", "0x10"})
		case *cli.DurationFlag:
			return pick(r, []string{"1s", "0", "1h2m"})
		}
	}
	return pick(r, []string{"x", "/p", "A=b", "a,b", " x ", "", "-", "--", "-x", "--root", "list", "1", "true",
		"99999999999999999999", "\xff", "é"})
}

func FuzzPlain(f *testing.F) {
	for _, line := range []string{"--root /r state ID", "exec -d -e A=b ID cmd -x", "kill ID -a -- 9", "update -r=- ID",
		"events --interval 1s ID"} {
		f.Add(strings.ReplaceAll(line, " ", "\x00"))
	}
	f.Fuzz(func(t *testing.T, line string) {
		checkPlain(t, append([]string{"rung"}, strings.Split(line, "\x00")...))
	})
}

// The definitions have nothing that plain does not look at.
func TestPlainKnowsDefinitions(t *testing.T) {
	app := New(Build{}).Definition()
	only(t, "the application", app, "Name", "Usage", "UsageText", "Version", "Compiled", "Flags", "Before", "Action",
		"OnUsageError", "ExitErrHandler", "Writer", "ErrWriter", "Commands", "DisableSliceFlagSeparator")
	flags := slices.Clone(app.Flags)
	for _, c := range app.Commands {
		only(t, c.Name, c, "Name", "Usage", "ArgsUsage", "Flags", "Action", "OnUsageError", "HideHelpCommand",
			"Category", "Description", "CustomHelpTemplate")
		flags = append(flags, c.Flags...)
	}
	for _, f := range flags {
		name, _ := namesOf(f)
		if name == "" {
			t.Errorf("%v is of type %T", f.Names(), f)
		}
		only(t, name, f, "Name", "Aliases", "Usage", "DefaultText", "DisableDefaultText", "Hidden", "Value",
			"Destination")
		if s, ok := f.(*cli.StringSliceFlag); ok {
			only(t, name, s, "Name", "Aliases", "Usage")
		}
	}
}

// only requires that all other fields of a struct are zero.
func only(t *testing.T, name string, of any, fields ...string) {
	t.Helper()
	v := reflect.ValueOf(of).Elem()
	for i := range v.NumField() {
		if field := v.Type().Field(i).Name; !v.Field(i).IsZero() && !slices.Contains(fields, field) {
			t.Errorf("%s: %s is set", name, field)
		}
	}
}
