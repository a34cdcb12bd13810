package libcontainer

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The map of the rooms in the package comment has all of them, and no others.
func TestMapOfRooms(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(doc), "// # The rooms\n")
	rooms := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^//\t(\w+) {2,}`).FindAllStringSubmatch(text, -1) {
		rooms[m[1]] = true
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != "testdata" && !rooms[e.Name()] {
			t.Errorf("%s is not on the map", e.Name())
		}
		delete(rooms, e.Name())
	}
	for room := range rooms {
		t.Errorf("there is no room %s", room)
	}
}

// Imports go one way: no room knows the commands.
func TestRoomsDoNotImportCommands(t *testing.T) {
	const module = "github.com/rung-oci/rung/"
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Dir(path) == "." || filepath.Ext(path) != ".go" {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			name, _ := strconv.Unquote(i.Path.Value)
			if name == module+"libcontainer" || strings.HasPrefix(name, module+"cmd") {
				t.Errorf("%s imports %s", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
