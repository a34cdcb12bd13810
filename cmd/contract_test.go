package cmd

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// Every flag of the contract is one of its command, and every flag of a command
// is in the contract. Each has a test in which it occurs.
func TestContract(t *testing.T) {
	text, err := os.ReadFile("testdata/contract.txt")
	if err != nil {
		t.Fatal(err)
	}
	app := New(Build{}).Definition()
	tests := testsOf(t)
	listed := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		if len(fields) != 3 {
			t.Fatalf("%q is not COMMAND FLAG TEST", line)
		}
		command, names, test := fields[0], strings.Split(fields[1], ","), fields[2]
		flags := app.Flags
		if command == "-" {
			flags = append(flags, cli.VersionFlag, cli.HelpFlag)
		} else {
			c := app.Command(command)
			if c == nil {
				if test != "-" {
					t.Errorf("%s %s: there is no such command, but a test %s", command, names[0], test)
				}
				continue
			}
			flags = c.Flags
		}
		for _, name := range names {
			listed[command+" "+name] = true
			if known, _ := findFlag(flags, name); !known {
				t.Errorf("%s: no flag %s", command, name)
			}
		}
		if !slices.ContainsFunc(names, func(name string) bool { return mentions(tests[test], name) }) {
			t.Errorf("%s %s: no test %s in which it occurs", command, names[0], test)
		}
	}
	check := func(command string, flags []cli.Flag) {
		for _, f := range flags {
			for _, name := range f.Names() {
				if name = dashed(name); !listed[command+" "+name] {
					t.Errorf("%s: the flag %s is not in testdata/contract.txt", command, name)
				}
			}
		}
	}
	check("-", app.Flags)
	for _, c := range app.Commands {
		check(c.Name, c.Flags)
	}
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// mentions reports whether a flag occurs in source text, with one dash or two.
func mentions(source, flag string) bool {
	name := regexp.QuoteMeta(strings.TrimLeft(flag, "-"))
	return regexp.MustCompile("[\"` ]--?" + name + `\b`).MatchString(source)
}

// testsOf returns the source of every test of the repository, by its name.
func testsOf(t *testing.T) map[string]string {
	tests := map[string]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, function := range strings.Split(string(text), "\nfunc ")[1:] {
			if name, _, ok := strings.Cut(function, "("); ok && strings.HasPrefix(name, "Test") {
				body, _, _ := strings.Cut(function, "\n}")
				tests[name] += body
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}
