package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// command returns a stage that is a single command, and one test.
func command(name string, args ...string) func(*totals) error {
	return func(t *totals) error {
		cmd := exec.Command(name, args...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return err
		}
		t.passed++
		return nil
	}
}

// unitTests runs the tests beside the code, and those of the test tools.
func unitTests(t *totals) error {
	packages, err := list("./...")
	if err != nil {
		return err
	}
	packages = slices.DeleteFunc(packages, func(p string) bool {
		for _, stage := range [...]string{"integration", "checkpoint", "clients", "contrib", "faults"} { // have their own
			if strings.HasSuffix(p, "/tests/"+stage) {
				return true
			}
		}
		return false
	})
	if err := goTest(t, ".", nil, packages...); err != nil {
		return err
	}
	if err := goTest(t, "tests/conformance", nil, "./..."); err != nil {
		return err
	}
	return goTest(t, "tests/criurpc", nil, "./...")
}

// arm64Tests runs the tests of what is in assembly for the other architecture, emulated.
// The tests themselves need the emulator too, for the images that they make.
func arm64Tests(t *totals) error {
	const emulator = "qemu-aarch64-static"
	if runtime.GOARCH == "arm64" {
		t.skip("arm64", "this machine is one, the unit tests are enough")
		return nil
	}
	path, err := exec.LookPath(emulator)
	if err != nil {
		t.skip("arm64", err.Error())
		return nil
	}
	emulate, err := filepath.Abs("tests/emulate")
	if err != nil {
		return err
	}
	return goTest(t, ".", []string{"GOARCH=arm64", "RUNG_TEST_EXEC=" + path}, "-exec="+emulate+" "+path, "./nsenter/...", "./libcontainer/signals/...", "./cmd/entry/...")
}

// integrationTests runs the tests on real containers; they isolate themselves
// and, without root, skip.
func integrationTests(t *totals) error {
	return goTest(t, ".", nil, "-count=1", "-timeout=30m", "./tests/integration/...")
}

// checkpointTests save and restore real containers. Without a CRIU that works here
// they skip, and so they do where none can be fetched.
func checkpointTests(t *totals) error {
	fetchCRIU()
	return goTest(t, ".", nil, "-count=1", "-timeout=20m", "./tests/checkpoint/...")
}

// fetchCRIU fetches a CRIU that works where the machine's own does not, and returns
// the environment in which it is found first.
func fetchCRIU() []string {
	if os.Geteuid() != 0 {
		return nil
	}
	fetch := exec.Command("tests/fetch-criu")
	fetch.Stderr = os.Stderr
	dir, err := fetch.Output()
	if err != nil {
		fmt.Println("no other CRIU than the machine's:", err)
		return nil
	}
	return []string{"PATH=" + strings.TrimSpace(string(dir)) + ":" + os.Getenv("PATH")}
}

// contribTests tries what contrib has, and the newcomer's path of README.md.
func contribTests(t *totals) error {
	return goTest(t, ".", nil, "-count=1", "-timeout=30m", "./tests/contrib/...")
}

// compatTests call rung through the library that clients call runtimes with.
func compatTests(t *totals) error {
	return goTest(t, "tests/compat", nil, "-count=1", "-timeout=5m", "./...")
}

// clientTests lets podman, containerd and docker drive rung, and a peer as the
// control. Most of the time a flow waits, so more of them run than there are
// processors.
func clientTests(t *totals) error {
	return goTest(t, ".", fetchCRIU(), "-count=1", "-parallel=4", "-timeout=40m", "./tests/clients")
}

// faultTests makes every step of birth programs fail, and kills rung before each.
func faultTests(t *totals) error {
	return goTest(t, ".", nil, "-count=1", "-timeout=30m", "./tests/faults/...")
}

// criTests has containerd 2 drive rung, as Kubernetes does; they isolate
// themselves and, without root, skip. The flows mostly wait, so more of them run
// at a time than there are processors.
func criTests(t *totals) error {
	return goTest(t, "tests/clients/cri", fetchCRIU(), "-count=1", "-parallel=4", "-timeout=30m", "./...")
}

// conformance runs the conformance suite with the memfd image.
func conformance(t *totals) error { return runConformance(t, "conformance", "") }

// conformanceTmpfile runs it with the image in an unlinked file, as on
// machines where memfds may not be executed.
func conformanceTmpfile(t *totals) error {
	dir, err := os.MkdirTemp("", "rung-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return runConformance(t, "conformance-tmpfile", "--image-dir "+dir)
}

// runConformance counts a program that passes as expected as passed, one that
// does not do what is expected as failed, and one that is known not to pass, or
// that cannot run on this machine, as skipped.
func runConformance(t *totals, name, flags string) error {
	if os.Geteuid() != 0 {
		t.skip(name, "needs root")
		return nil
	}
	summary, err := os.CreateTemp("", "rung-conformance-summary-")
	if err != nil {
		return err
	}
	defer os.Remove(summary.Name())
	defer summary.Close()
	rung, err := filepath.Abs("bin/rung")
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "run", ".", "-runtime", rung, "-flags", flags,
		"-expected", "expected.txt", "-cache", "../../bin/conformance", "-summary", summary.Name())
	cmd.Dir = "tests/conformance"
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	runErr := cmd.Run()
	var sum struct {
		Passed        int
		Failed, Known []string
	}
	if err := json.NewDecoder(summary).Decode(&sum); err != nil {
		return fmt.Errorf("the suite did not run to its end: %w", runErr)
	}
	t.passed += sum.Passed
	for _, program := range sum.Failed {
		t.failed = append(t.failed, name+" "+program)
	}
	for _, known := range sum.Known {
		t.skipped = append(t.skipped, name+" "+known)
	}
	if runErr != nil && len(sum.Failed) == 0 {
		return runErr
	}
	return nil
}

// list returns the packages that match a pattern.
func list(pattern string) ([]string, error) {
	cmd := exec.Command("go", "list", pattern)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	return strings.Fields(string(out)), nil
}
