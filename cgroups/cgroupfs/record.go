package cgroupfs

import (
	"fmt"
	"strconv"
	"strings"
)

// AppendRecord appends a line of a manager's Record: a word, a tab, and a
// directory: encoding/json would cost more than all else that reading a
// record takes. A path with a newline, as a mount point may have one, is quoted as in
// Go: cut off there it would be another cgroup's, whose processes would be killed.
func AppendRecord(b []byte, word, path string) []byte {
	if strings.Contains(path, "\n") {
		path = strconv.Quote(path)
	}
	return fmt.Appendf(b, "%s\t%s\n", word, path)
}

// ParseRecord reads what AppendRecord has written.
func ParseRecord(line string) (word, path string, ok bool) {
	word, path, ok = strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
	if strings.HasPrefix(path, `"`) {
		var err error
		path, err = strconv.Unquote(path)
		ok = ok && err == nil
	}
	return word, path, ok
}
