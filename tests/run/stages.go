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

// lanes are run side by side. In the first there is mostly work to do, in the second,
// by clients that drive rung, mostly something to wait for. The conformance suite is
// in the second, too: it mounts cgroup hierarchies that the machine lacks, and while
// they are there CRIU saves them and containerd reads their statistics.
func lanes() [][]stage {
	return [][]stage{{
		{"integration", integrationTests},
		{"faults", faultTests},
		{"lint", command("make", "--no-print-directory", "lint")},
		{"unit", unitTests},
		{"arm64", arm64Tests},
		{"reproducible", command("make", "--no-print-directory", "--old-file=bin/rung", "reproducible")},
		{"contrib", contribTests},
		{"compat", compatTests},
	}, {
		{"clients", clientTests},
		{"cri", criTests},
		{"checkpoint", checkpointTests},
		{"conformance", conformance},
		{"conformance-tmpfile", conformanceTmpfile},
	}}
}

// guests are the stages in a machine of today, cgroup v2 with and without systemd and root
// (tests/guest). They run only when they are named: not all of their tests pass yet, many
// of them because they read the files of cgroup v1.
func guests() []stage {
	var stages []stage
	for _, form := range []string{"v2", "systemd", "rootless-systemd", "rootless-subtree", "rootless-nothing"} {
		stages = append(stages, stage{"guest-" + form, func(r *report) error {
			return countTests(r, exec.Command("go", "run", "./tests/guest", "-json", "-form="+form, "-limit=30m"))
		}})
	}
	return stages
}

// alone are the stages that measure, and are run when nothing else is.
func alone() []stage {
	return []stage{{"bench", command("go", "run", "./tests/bench", "-n", "50")}}
}

// command returns a stage that is a single command, and one test.
func command(name string, args ...string) func(*report) error {
	return func(r *report) error {
		if err := r.command(name, args...).Run(); err != nil {
			return err
		}
		r.passed++
		return nil
	}
}

// ownStages are the directories of tests that are a stage of the same name.
func ownStages() []string {
	return []string{"integration", "checkpoint", "clients", "contrib", "faults"}
}

// unitTests runs the tests beside the code, and those of the test tools.
func unitTests(r *report) error {
	packages, err := list(r, "./...")
	if err != nil {
		return err
	}
	packages = slices.DeleteFunc(packages, func(p string) bool {
		return slices.ContainsFunc(ownStages(), func(stage string) bool {
			return strings.HasSuffix(p, "/tests/"+stage)
		})
	})
	if err := goTest(r, ".", nil, packages...); err != nil {
		return err
	}
	onlookers := []string{"-count=1", "-run=^TestOnlookers$", "./libcontainer/birth", "-configs=100000"}
	if err := goTest(r, ".", nil, onlookers...); err != nil {
		return err
	}
	if err := goTest(r, "tests/conformance", nil, "./..."); err != nil {
		return err
	}
	return goTest(r, "tests/criurpc", nil, "./...")
}

// arm64Tests runs the tests of what is in assembly for the other architecture, emulated.
// The tests themselves need the emulator too, for the images that they make.
func arm64Tests(r *report) error {
	const emulator = "qemu-aarch64-static"
	if runtime.GOARCH == "arm64" {
		r.skip("arm64", "this machine is one, the unit tests are enough")
		return nil
	}
	path, err := exec.LookPath(emulator)
	if err != nil {
		r.skip("arm64", err.Error())
		return nil
	}
	emulate, err := filepath.Abs("tests/emulate")
	if err != nil {
		return err
	}
	return goTest(r, ".", []string{"GOARCH=arm64", "RUNG_TEST_EXEC=" + path},
		"-exec="+emulate+" "+path, "./nsenter/...", "./libcontainer/signals/...", "./cmd/maxprocs/...")
}

// integrationTests runs the tests on real containers; they isolate themselves
// and, without root, skip.
func integrationTests(r *report) error {
	return goTest(r, ".", nil, "-count=1", "-timeout=30m", "./tests/integration/...")
}

// checkpointTests save and restore real containers. Without a CRIU that works here
// they skip, and so they do where none can be fetched.
func checkpointTests(r *report) error {
	fetchCRIU(r)
	return goTest(r, ".", nil, "-count=1", "-timeout=20m", "./tests/checkpoint/...")
}

// fetchCRIU fetches a CRIU that works where the machine's own does not, and returns
// the environment in which it is found first.
func fetchCRIU(r *report) []string {
	if os.Geteuid() != 0 {
		return nil
	}
	fetch := exec.Command("tests/fetch-criu")
	fetch.Stderr = r.File
	dir, err := fetch.Output()
	if err != nil {
		fmt.Fprintln(r, "no other CRIU than the machine's:", err)
		return nil
	}
	return []string{"PATH=" + strings.TrimSpace(string(dir)) + ":" + os.Getenv("PATH")}
}

// contribTests tries what contrib has, and the newcomer's path of README.md.
func contribTests(r *report) error {
	return goTest(r, ".", nil, "-count=1", "-timeout=30m", "./tests/contrib/...")
}

// compatTests call rung through the library that clients call runtimes with.
func compatTests(r *report) error {
	return goTest(r, "tests/compat", nil, "-count=1", "-timeout=5m", "./...")
}

// clientTests lets podman, containerd and docker drive rung, and a peer as the
// control. Most of the time a flow waits, so more of them run than there are
// processors.
func clientTests(r *report) error {
	return goTest(r, ".", fetchCRIU(r), "-count=1", "-parallel=4", "-timeout=40m", "./tests/clients")
}

// faultTests makes every step of birth programs fail, and kills rung before each.
func faultTests(r *report) error {
	return goTest(r, ".", nil, "-count=1", "-timeout=30m", "./tests/faults/...")
}

// criTests has containerd 2 drive rung, as Kubernetes does; they isolate
// themselves and, without root, skip. The flows mostly wait, so more of them run
// at a time than there are processors.
func criTests(r *report) error {
	return goTest(r, "tests/clients/cri", fetchCRIU(r), "-count=1", "-parallel=4", "-timeout=30m", "./...")
}

// conformance runs the conformance suite with the memfd image.
func conformance(r *report) error { return runConformance(r, "conformance", "") }

// conformanceTmpfile runs it with the image in an unlinked file, as on
// machines where memfds may not be executed.
func conformanceTmpfile(r *report) error {
	dir, err := os.MkdirTemp("", "rung-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return runConformance(r, "conformance-tmpfile", "--image-dir "+dir)
}

// runConformance counts a program that passes as expected as passed, one that
// does not do what is expected as failed, and one that is known not to pass, or
// that cannot run on this machine, as skipped.
func runConformance(r *report, name, flags string) error {
	if os.Geteuid() != 0 {
		r.skip(name, "needs root")
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
	cmd := r.command("go", "run", ".", "-runtime", rung, "-flags", flags,
		"-expected", "expected.txt", "-cache", "../../bin/conformance", "-summary", summary.Name())
	cmd.Dir = "tests/conformance"
	runErr := cmd.Run()
	var sum struct {
		Passed        int
		Failed, Known []string
	}
	if err := json.NewDecoder(summary).Decode(&sum); err != nil {
		return fmt.Errorf("the suite did not run to its end: %w", runErr)
	}
	r.passed += sum.Passed
	for _, program := range sum.Failed {
		r.failed = append(r.failed, name+" "+program)
	}
	for _, known := range sum.Known {
		r.skipped = append(r.skipped, name+" "+known)
	}
	if runErr != nil && len(sum.Failed) == 0 {
		return runErr
	}
	return nil
}

// list returns the packages that match a pattern.
func list(r *report, pattern string) ([]string, error) {
	cmd := exec.Command("go", "list", pattern)
	cmd.Stderr = r.File
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	return strings.Fields(string(out)), nil
}
