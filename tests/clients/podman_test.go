package clients

import (
	"os"
	"path/filepath"
	"slices"
	"time"
)

// containersConf is what this podman needs to be told. The limits are those
// that a root without CAP_SYS_RESOURCE may set, too. Podman knows what a
// runtime can do by its base name; rung's it does not know. Locks in memory would
// be shared by all podmans of the tests, those in files are one's own.
const containersConf = `
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=30000:30000"]
log_driver = "k8s-file"

[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime_supports_json = ["crun", "runc", "rung"]
runtime_supports_nocgroup = ["crun", "rung"]
`

// startPodman prepares podman, which has no daemon.
func startPodman(runtime subject, dir string) (*engine, error) {
	conf := filepath.Join(dir, "containers.conf")
	if err := os.WriteFile(conf, []byte(containersConf), 0o644); err != nil {
		return nil, err
	}
	e := &engine{
		client:  "podman",
		runtime: runtime,
		dir:     dir,
		base: []string{
			// 50 characters at most
			"podman", "--runtime", runtime.path, "--root", dir + "/root", "--runroot", "/run/podman-" + runtime.name,

			"--tmpdir", dir + "/tmp", "--storage-driver", "overlay",
		},
		env: []string{"CONTAINERS_CONF=" + conf},
	}
	e.remove = func(names []string) (err error) {
		if len(names) == 0 {
			return nil
		}
		args := slices.Concat([]string{"rm", "--force", "--ignore", "--time", "0", "--volumes"}, names)
		// With a user namespace podman may try to remove a file of which it has
		// not yet removed the mount; the next time it can.
		for range 5 {
			if err = e.run(args...); err == nil {
				return nil
			}
			time.Sleep(200 * time.Millisecond)
		}
		return err
	}
	return e, e.run("load", "--quiet", "--input", imageArchive())
}
