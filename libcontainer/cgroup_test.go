package libcontainer

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A cgroup is asked for what it can do; which version and which controllers do it is
// known below cgroups. Only check tells people of them.
func TestNothingKnowsCgroupVersions(t *testing.T) {
	known := regexp.MustCompile(`^(cpu|cpuacct|cpuset|memory|pids|devices|freezer|blkio|io|hugetlb|net_cls|net_prio|` +
		`perf_event|rdma|misc|unified|tasks|cgroup)(\.[a-z0-9_.]+)?$`)
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "check":
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		files++
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, i := range file.Imports {
			if name, _ := strconv.Unquote(i.Path.Value); strings.HasSuffix(name, "/cgroups/v1") {
				t.Errorf("%s imports %s", path, name)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if _, ok := n.(*ast.ImportSpec); ok {
				return false
			}
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				// "cgroup" alone is a type of mounts and of namespaces
				if s, _ := strconv.Unquote(literal.Value); known.MatchString(s) && s != "cgroup" {
					t.Errorf("%s: %q", path, s)
				}
			}
			return true
		})
		return nil
	})
	if err != nil || files < 50 {
		t.Errorf("%d files, %v", files, err)
	}
}
