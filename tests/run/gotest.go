package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// goTest runs “go test” in a module's directory with more environment and
// arguments, counts the tests, and shows the output of those that fail.
func goTest(r *report, dir string, env []string, args ...string) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	return countTests(r, cmd)
}

// countTests runs a command that prints what test2json(1) does.
func countTests(r *report, cmd *exec.Cmd) error {
	cmd.Stderr = r.File
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	results, readErr := readEvents(stdout)
	io.Copy(io.Discard, stdout) // or the command could not end
	err = cmd.Wait()
	if readErr != nil {
		return fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), readErr)
	}
	sum := results.count(r)
	r.add(sum)
	if err != nil && len(sum.failed) == 0 {
		return err
	}
	return nil
}

// event is what test2json(1) emits; those of the build have an ImportPath.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
}

// testID names a test of a package, or with an empty Test the package.
type testID struct{ pkg, test string }

func (id testID) String() string {
	if id.test == "" {
		return id.pkg
	}
	return id.pkg + " " + id.test
}

// results are the events of a “go test -json”, gathered for each test.
type results struct {
	order  []testID
	action map[testID]string // pass, fail or skip
	output map[testID]*strings.Builder
	build  strings.Builder
}

func readEvents(r io.Reader) (*results, error) {
	res := &results{action: map[testID]string{}, output: map[testID]*strings.Builder{}}
	events := json.NewDecoder(r)
	for {
		var e event
		err := events.Decode(&e)
		if errors.Is(err, io.EOF) {
			return res, nil
		}
		if err != nil {
			return res, err
		}
		id := testID{e.Package, e.Test}
		if res.output[id] == nil {
			res.order = append(res.order, id)
			res.output[id] = &strings.Builder{}
		}
		switch e.Action {
		case "build-output":
			res.build.WriteString(e.Output)
		case "output":
			res.output[id].WriteString(e.Output)
		case "pass", "fail", "skip":
			res.action[id] = e.Action
		}
	}
}

// count counts the tests that have no subtests, and those whose failure is
// their own, or their package's, and not a subtest's. It writes the failures'
// output to w.
func (res *results) count(w io.Writer) totals {
	io.WriteString(w, res.build.String())
	parent, failedBelow := map[testID]bool{}, map[testID]bool{}
	for _, id := range res.order {
		for up := id; up.test != ""; {
			i := strings.LastIndexByte(up.test, '/')
			up.test = up.test[:max(i, 0)]
			parent[up] = true
			if res.action[id] == "fail" {
				failedBelow[up] = true
			}
		}
	}
	logged := logLine()
	var t totals
	for _, id := range res.order {
		leaf := id.test != "" && !parent[id]
		if res.action[id] == "pass" { // what a test has to say of a success, such as how much it went through
			for _, said := range logged.FindAllStringSubmatch(res.output[id].String(), -1) {
				fmt.Fprintf(w, "# %s: %s\n", id, said[1])
			}
		}
		switch action := res.action[id]; {
		case action == "pass" && leaf:
			t.passed++
		case action == "skip" && leaf:
			t.skip(id.String(), skipReason(res.output[id].String()))
		case action == "fail" && failedBelow[id]:
			io.WriteString(w, res.output[id].String()) // the parent's own words
		case action == "fail", action == "" && leaf: // or it never ended
			io.WriteString(w, res.output[id].String())
			t.failed = append(t.failed, id.String())
		}
	}
	return t
}

// logLine matches what testing.T logs, and has its text.
func logLine() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s+\w+\.go:\d+: (.*)$`) }

// skipReason finds the text of t.Skip in a test's output.
func skipReason(output string) string {
	if m := logLine().FindStringSubmatch(output); m != nil {
		return m[1]
	}
	return strings.Join(strings.Fields(output), " ")
}
