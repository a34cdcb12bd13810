package cmd

import (
	"strings"
	"testing"
)

// The table is that of CVE-2026-30892, and more.
func TestParseUser(t *testing.T) {
	for text, want := range map[string][2]int64{ // -1: not given
		"0": {0, -1}, "1": {1, -1}, "1:2": {1, 2}, "1000:0": {1000, 0}, "007": {7, -1},
		"4294967294": {4294967294, -1}, "0:4294967294": {0, 4294967294},
	} {
		uid, gid, err := parseUser(text)
		if err != nil || int64(*uid) != want[0] || (gid == nil) != (want[1] < 0) ||
			gid != nil && int64(*gid) != want[1] {
			t.Errorf("%q: %v, %v, %v; want %v", text, uid, gid, err, want)
		}
	}
	for _, text := range []string{
		"", ":", "1:", ":1", "-1", "+1", "1:-1", "1:2:3", "4294967295", "4294967296", "1:4294967295",
		"18446744073709551617",
		"1x", "0x1", "1e3", "1_000", " 1", "1 ", "1.0", "root", "٣", "0:root",
	} {
		if uid, gid, err := parseUser(text); err == nil {
			t.Errorf("%q: %v, %v", text, uid, gid)
		}
	}
}

func TestExecErrors(t *testing.T) {
	root := t.TempDir()
	for _, tt := range []struct {
		args string
		code int
		want string // part of the message
	}{
		{"exec", 1, "exec: an argument is missing: usage: rung exec [options] ID COMMAND [ARG...]"},
		{"exec --nope c true", 1, "exec: flag provided but not defined: -nope"},
		{"exec --preserve-fds x c true", 1, "preserve-fds"},
		{"exec c true", 255, "exec failed: "},
		{"exec c true", 255, "does not exist"},
		{"exec c exec --nope", 255, "does not exist"},
		{"exec c help", 255, "does not exist"},
		{"exec -u root c true", 255, `exec failed: --user "root": not a numeric ID`},
		{"exec --user=1: c true", 255, `--user "1:"`},
		{"exec -user= c true", 255, `--user ""`},
		{"exec -g 5,7 c true", 255, `--additional-gids "5,7"`},
		{"exec --additional-gids -5 c true", 255, `--additional-gids "-5"`},
	} {
		got := rung(t, root, strings.Fields(tt.args)...)
		if got.code != tt.code || !strings.Contains(got.err, tt.want) {
			t.Errorf("rung %s: exit code %d, error %q; want %d and %q", tt.args, got.code, got.err, tt.code, tt.want)
		}
	}
}
