// Command gen writes the manual pages and the shells' completions from the
// definition of the command line in package cmd:
//
//	go run ./contrib/gen [DIR]
//
// DIR is contrib if not given. Files of commands that are no more are removed.
package main

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
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

//go:embed templates/*
var templates embed.FS

// files returns what is generated, by path.
func files(p program) map[string]string {
	all := template.Must(template.New("").Funcs(template.FuncMap{
		"capital": capital, "literal": literal, "paragraphs": paragraphs, "roff": roff, "upper": strings.ToUpper,
		"escape": escape, "quote": quote,
		"fishAction": fishAction, "fishOptions": fishOptions, "fishQuote": fishQuote,
		"zshSpecs": zshSpecs,
	}).ParseFS(templates, "templates/*"))
	execute := func(name string, of any) string {
		var b strings.Builder
		if err := all.ExecuteTemplate(&b, name+".tmpl", of); err != nil {
			panic(err)
		}
		return b.String()
	}
	generated := make(map[string]string)
	for _, name := range []string{"completions/rung.bash", "completions/_rung", "completions/rung.fish", "man/rung.8"} {
		generated[name] = execute(filepath.Base(name), p)
	}
	for _, c := range p.Commands {
		generated["man/rung-"+c.Name+".8"] = execute("command.8", c)
	}
	return generated
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
