// Command gen writes the manual pages and the shells' completions from the
// definition of the command line in package cmd:
//
//	go run ./contrib/gen [DIR]
//
// DIR is contrib if not given. Files of commands that are no more are removed.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := "contrib"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := write(dir, files(definition())); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// files returns what is generated, by path.
func files(p program) map[string]string {
	all := map[string]string{
		"completions/rung.bash": bash(p),
		"completions/_rung":     zsh(p),
		"completions/rung.fish": fish(p),
		"man/rung.8":            programPage(p),
	}
	for _, c := range p.commands {
		all["man/rung-"+c.name+".8"] = commandPage(p, c)
	}
	return all
}

func write(dir string, files map[string]string) error {
	old, err := filepath.Glob(filepath.Join(dir, "man", "rung*.8"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
