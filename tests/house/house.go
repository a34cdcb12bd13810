package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"
)

const (
	maxFileLines     = 450
	maxFunctionLines = 70
	maxColumns       = 120 // a tab is four
)

// maxFiles are the files of Go that a directory may have of its own, without tests.
func maxFiles() map[string]int { return map[string]int{"libcontainer": 25} }

// A house is a tree of source files.
type house struct{ fs.FS }

// check returns what is over a limit, in the order of the files' names.
func (h house) check() (findings []string, err error) {
	files := map[string]int{}
	err = fs.WalkDir(h, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == ".git" || name == "bin" || entry.Name() == "testdata"):
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		src, err := fs.ReadFile(h, name)
		if err != nil {
			return err
		}
		if path.Ext(name) == ".go" && !strings.HasSuffix(name, "_test.go") {
			files[path.Dir(name)]++
		}
		found, err := checkFile(name, src)
		findings = append(findings, found...)
		return err
	})
	for dir, most := range maxFiles() {
		if files[dir] > most {
			findings = append(findings, fmt.Sprintf("%s: %d files of Go, more than %d", dir, files[dir], most))
		}
	}
	return findings, err
}

// checkFile looks at a file if it is source code: Go, assembly or a script.
func checkFile(name string, src []byte) (findings []string, err error) {
	isGo := path.Ext(name) == ".go"
	if !isGo && path.Ext(name) != ".s" && !bytes.HasPrefix(src, []byte("#!")) {
		return nil, nil
	}
	var file *ast.File
	fset := token.NewFileSet()
	if isGo {
		if file, err = parser.ParseFile(fset, name, src, parser.ParseComments); err != nil {
			return nil, err
		}
		if ast.IsGenerated(file) {
			return nil, nil
		}
	}
	n := 0
	for line := range bytes.Lines(src) {
		n++
		if columns := columns(line); columns > maxColumns {
			findings = append(findings, fmt.Sprintf("%s:%d: %d columns, more than %d", name, n, columns, maxColumns))
		}
	}
	if n > maxFileLines {
		findings = append(findings, fmt.Sprintf("%s: %d lines, more than %d", name, n, maxFileLines))
	}
	if isGo {
		findings = append(findings, longFunctions(fset, file)...)
	}
	return findings, nil
}

// columns is the width of a line on a screen, for all that is not wide.
func columns(line []byte) int {
	line = bytes.TrimRight(line, "\n")
	return utf8.RuneCount(line) + 3*bytes.Count(line, []byte("\t"))
}

// longFunctions finds functions that are over the limit, from “func” to the last brace.
func longFunctions(fset *token.FileSet, file *ast.File) (findings []string) {
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			from, to := fset.Position(f.Pos()), fset.Position(f.End())
			if n := to.Line - from.Line + 1; n > maxFunctionLines {
				findings = append(findings, fmt.Sprintf("%s:%d: %s has %d lines, more than %d",
					from.Filename, from.Line, f.Name.Name, n, maxFunctionLines))
			}
		}
	}
	return findings
}
