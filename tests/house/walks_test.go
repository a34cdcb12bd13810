package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// mostFunctions are those that a reader of README.md may have to pass on a way through the
// house, in the order of the ways: a mount, a limit, an exec.
func mostFunctions() [3]int { return [3]int{16, 16, 20} }

// TestWalks holds README.md's ways through the house: each function is in its file, each but
// the first is called by another one of the way, and no file is come back to.
func TestWalks(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(readme), "Three ways through the house")
	if !found {
		t.Fatal("README.md has no ways through the house")
	}
	parts := strings.SplitN(text, "**A", 4)[1:]
	for i, most := range mostFunctions() {
		part, _, _ := strings.Cut(parts[i], "\n## ")
		w := walk{T: t, called: map[string]bool{}, visited: map[string]bool{}}
		for line := range strings.Lines(part) {
			if strings.HasPrefix(line, "    ") {
				w.visit(strings.Fields(line))
			}
		}
		if len(w.functions) == 0 || len(w.functions) > most {
			t.Errorf("way %d: %d functions, more than %d or none", i, len(w.functions), most)
		}
		for _, name := range w.functions[min(1, len(w.functions)):] {
			if !w.called[name] {
				t.Errorf("way %d: nothing on it calls %s", i, name)
			}
		}
	}
}

type walk struct {
	*testing.T
	functions []string
	called    map[string]bool // what the functions passed name
	visited   map[string]bool // files
}

// visit passes a file, the first of the words, and functions in it, the others.
func (w *walk) visit(words []string) {
	name := words[0]
	if w.visited[name] {
		w.Errorf("%s: passed twice", name)
	}
	w.visited[name] = true
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("../..", name), nil, 0)
	if err != nil {
		w.Fatal(err)
	}
	for _, function := range words[1:] {
		w.functions = append(w.functions, function)
		body := bodyOf(file, function)
		if body == nil {
			w.Errorf("%s has no function %s", name, function)
			continue
		}
		ast.Inspect(body, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				w.called[id.Name] = true
			}
			return true
		})
	}
}

// bodyOf is the body of a function or a method of that name, nil if there is none.
func bodyOf(file *ast.File, name string) ast.Node {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == name {
			return f.Body
		}
	}
	return nil
}
