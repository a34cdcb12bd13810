package libcontainer

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"

	"github.com/rung-oci/rung/cgroups"
)

// encodeCgroup puts the state of a cgroup into lines of controllers and a path:
// encoding/json would cost more than all else that reading a record takes. A path
// with a newline, as a mount point may have one, is quoted as in Go: cut off there it
// would be another cgroup's, whose processes would be killed.
func encodeCgroup(s cgroups.State) []byte {
	var b bytes.Buffer
	for _, c := range s.Cgroups {
		path := c.Path
		if strings.Contains(path, "\n") {
			path = strconv.Quote(path)
		}
		fmt.Fprintf(&b, "%s\t%s\n", c.Controllers, path)
	}
	return b.Bytes()
}

func decodeCgroup(text []byte) (s cgroups.State) {
	for line := range lines(string(text)) {
		controllers, path, ok := strings.Cut(line, "\t")
		if strings.HasPrefix(path, `"`) {
			var err error
			path, err = strconv.Unquote(path)
			ok = ok && err == nil
		}
		if ok {
			s.Cgroups = append(s.Cgroups, cgroups.Cgroup{Controllers: controllers, Path: path})
		}
	}
	return s
}

// lines are the lines of a text without their ends.
func lines(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			if !yield(strings.TrimSuffix(line, "\n")) {
				return
			}
		}
	}
}

func readAll(path string) (string, error) {
	data, err := os.ReadFile(path)
	return string(data), err
}
