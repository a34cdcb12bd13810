package libcontainer

import (
	"iter"
	"os"
	"strings"
)

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
