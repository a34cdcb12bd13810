// Package contrib tries what rung is installed and used with: the newcomer's
// path of README.md, the Debian package, and the clients' configurations of
// contrib. The script stage makes the machine for each.
package contrib

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/bundle"
)

func TestMain(m *testing.M) { bundle.Main(m) }

// stage runs a script of bash in a machine of its own, and returns what it
// prints. It stops where a command fails.
func stage(t *testing.T, script string) string {
	t.Helper()
	out, err := tryStage(t, script)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

func tryStage(t *testing.T, script string) (string, error) {
	t.Helper()
	needs(t, "unshare", "dpkg-deb")
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", "./stage", file)
	// without the pipe that a daemon would keep open
	out, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	runErr := cmd.Run()
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text), runErr
}

func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
}

// A step of a newcomer's path is a command, and what it prints.
type step struct {
	command string
	output  []string
}

// steps returns the commands of a section of a Markdown file: the lines that
// start with "$ " in indented blocks. What follows is the output.
func steps(t *testing.T, file, section string) (all []step) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n## "+section+"\n")
	if !ok {
		t.Fatalf("%s has no section %q", file, section)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	for line := range strings.SplitSeq(rest, "\n") {
		line, ok := strings.CutPrefix(line, "    ")
		if !ok {
			continue
		}
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			all = append(all, step{command: command})
		} else if len(all) > 0 {
			last := &all[len(all)-1]
			last.output = append(last.output, line)
		}
	}
	return all
}

// matches reports whether text is the output: "…" stands for any text in a line,
// as a line of its own for any lines, and a space for some.
func (s step) matches(text string) bool {
	pattern := "^"
	for _, line := range s.output {
		if line == "…" {
			pattern += `(?:.*\n)*`
			continue
		}
		words := strings.Join(strings.Fields(regexp.QuoteMeta(line)), " +")
		pattern += " *" + strings.ReplaceAll(words, "…", ".*") + " *\n"
	}
	return regexp.MustCompile(pattern + "$").MatchString(text)
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		output []string
		text   string
		want   bool
	}{
		{nil, "", true},
		{nil, "x\n", false},
		{[]string{"a", "b…d"}, "a\nbcd\n", true},
		{[]string{"a", "b…d"}, "a\nbcde\n", false},
		{[]string{"…", "end"}, "1\n2\nend\n", true},
		{[]string{"…", "end"}, "end\nmore\n", false},
		{[]string{"a.c"}, "abc\n", false},
		{[]string{"  a   b  "}, "a b\n", true},
		{[]string{"a b"}, "ab\n", false},
	} {
		if got := (step{output: tt.output}).matches(tt.text); got != tt.want {
			t.Errorf("%q and %q: %v", tt.output, tt.text, got)
		}
	}
}

// The newcomer's path, word for word, with the output that README.md shows.
func TestFirstContainer(t *testing.T) {
	needs(t, "podman", "containerd", "ctr", "make", "go")
	all := steps(t, "../../README.md", "The first container")
	if len(all) < 10 {
		t.Fatalf("only %d commands", len(all))
	}
	const mark = "\x01"
	script := "daemon containerd\nready ctr version\n"
	for _, s := range all {
		script += "printf '" + mark + "'\n" + s.command + "\n"
	}
	out := stage(t, script)
	outputs := strings.Split(out, mark)[1:]
	if len(outputs) != len(all) {
		t.Fatalf("%d outputs of %d commands:\n%s", len(outputs), len(all), out)
	}
	for i, s := range all {
		if !s.matches(outputs[i]) {
			t.Errorf("$ %s\nprinted\n%s\nwant\n%s", s.command, outputs[i], strings.Join(s.output, "\n"))
		}
	}
}

// The package installs, works and goes without a trace, and a second time too.
func TestDebianPackage(t *testing.T) {
	needs(t, "dpkg", "make", "go")
	out := stage(t, `
make -s deb # twice the same bytes
sum=$(sha256sum bin/rung_*.deb)
rm bin/rung_*.deb
make -s deb
[[ $(sha256sum bin/rung_*.deb) == "$sum" ]]
files() { find /usr /etc /var/lib -xdev -not -path '/var/lib/dpkg/*' -not -path '/var/cache/*' | sort; }
for round in 1 2; do
	files >/run/rung/before
	dpkg --install bin/rung_*.deb
	dpkg --verify rung
	[[ $(type -P rung) == /usr/bin/rung ]]
	rung --version | sed -n 1p
	rung spec --bundle /run/rung && rm /run/rung/config.json
	for file in bash-completion/completions/rung zsh/vendor-completions/_rung fish/vendor_completions.d/rung.fish; do
		[[ -s /usr/share/$file ]]
	done
	if ! grep -qs '^path-exclude.*/man/' /etc/dpkg/dpkg.cfg.d/*; then
		gzip -dc /usr/share/man/man8/rung-create.8.gz | grep '^.SH SYNOPSIS' >/dev/null
	fi
	if ((round == 1)); then dpkg --remove rung; else dpkg --purge rung; fi
	files >/run/rung/after
	diff /run/rung/before /run/rung/after
done
echo done
`)
	if !strings.HasSuffix(out, "done\n") || strings.Count(out, "rung version ") != 2 {
		t.Error(out)
	}
}

// make install puts the same under another prefix.
func TestMakeInstall(t *testing.T) {
	needs(t, "make", "go")
	out := stage(t, `
make -s install DESTDIR=/run/rung/stage PREFIX=/opt/rung
cd /run/rung/stage/opt/rung
find . -type f | sort
./bin/rung --version
`)
	for _, want := range []string{"./bin/rung\n", "./share/man/man8/rung.8\n", "./share/man/man8/rung-run.8\n",
		"./share/bash-completion/completions/rung\n", "./share/zsh/site-functions/_rung\n",
		"./share/fish/vendor_completions.d/rung.fish\n", "\nrung version "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// install puts rung where the configurations of contrib have it.
const install = "install -m 0755 bin/rung /usr/bin/rung\n" +
	"mkdir -p /run/rung/hello/bin\ncp \"$(type -P busybox)\" /run/rung/hello/bin/sh\n"

func TestPodmanConfiguration(t *testing.T) {
	needs(t, "podman", "conmon")
	out := stage(t, install+`
cp contrib/podman/rung.conf /etc/containers/containers.conf.d/
tar -C /run/rung/hello -c . | podman import -q - hello
podman --runtime rung run --rm --network none hello sh -c 'echo hello from podman'
podman --runtime rung info --format 'runtime {{.Host.OCIRuntime.Name}} at {{.Host.OCIRuntime.Path}}'
podman --runtime rung run --network none --name c hello sh -c 'exit 7' || echo status $?
podman inspect --format 'run by {{.OCIRuntime}}' c
podman rm c >/dev/null
podman --runtime rung run --rm --cgroups=disabled --network none hello sh -c 'echo without cgroups'
for name in runc crun; do # podman goes by them
	ln -s /usr/bin/rung /run/rung/$name
	podman --runtime /run/rung/$name run --rm --network none hello sh -c "echo in the place of $name"
	podman --runtime /run/rung/$name info --format 'called {{.Host.OCIRuntime.Version}}' | sed -n 1p
done
sed -i 's/^# *runtime = /runtime = /' /etc/containers/containers.conf.d/rung.conf
podman run --network none --name c hello sh -c 'echo by default'
podman inspect --format 'run by {{.OCIRuntime}}' c
podman rm c >/dev/null
`)
	contains(t, out, "hello from podman\n", "runtime rung at /usr/bin/rung\n", "status 7\nrun by rung\n",
		"without cgroups\n",
		"in the place of runc\ncalled runc version ", "in the place of crun\ncalled crun version ",
		"by default\nrun by rung\n")
}

func contains(t *testing.T, out string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestDockerConfiguration(t *testing.T) {
	needs(t, "dockerd", "docker", "containerd")
	out := stage(t, install+`
mkdir -p /etc/docker
cp contrib/docker/daemon.json /etc/docker/
export DOCKER_HOST=unix:///run/docker/d.sock
daemon dockerd --iptables=false --bridge=none --storage-driver=vfs --host "$DOCKER_HOST" \
	--exec-root /run/docker/exec --pidfile /run/docker/pid
ready docker version
docker info --format 'runtimes {{json .Runtimes}}'
tar -C /run/rung/hello -c . | docker import - hello
docker run --rm --runtime rung --network none hello sh -c 'echo hello from docker'
docker run --rm --runtime rung --network none hello sh -c 'exit 7' || echo status $?
docker run --runtime rung --network none --name test hello sh -c :
docker inspect --format 'run by {{.HostConfig.Runtime}}' test
docker rm test >/dev/null
`)
	contains(t, out, `"rung":{"path":"/usr/bin/rung"`, "hello from docker\n", "status 7\n", "run by rung\n")
}

// The CRI plugin of containerd needs a CNI network to run a pod; here it has to
// understand the file.
func TestContainerdConfiguration(t *testing.T) {
	needs(t, "containerd", "ctr")
	version := strings.TrimPrefix(field(t, "containerd", "--version"), "v")
	file, table := "config-v2.toml", `[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.rung]`
	if strings.HasPrefix(version, "2") {
		file, table = "config-v3.toml", `[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.rung]`
	}
	out := stage(t, install+`
mkdir -p /etc/containerd
cp contrib/containerd/`+file+` /etc/containerd/config.toml
containerd config dump
daemon containerd
ready ctr version
ctr plugins ls | grep -w cri || true
`)
	_, mine, ok := strings.Cut(out, table)
	if !ok {
		t.Fatalf("containerd %s has no %s in\n%s", version, table, out)
	}
	mine = strings.ReplaceAll(mine, "'", `"`)
	contains(t, mine, `runtime_type = "io.containerd.runc.v2"`, `BinaryName = "/usr/bin/rung"`)
}

// field is the third word that a command prints.
func field(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(out))
	if len(words) < 3 {
		t.Fatalf("%s prints %q", name, out)
	}
	return words[2]
}

// What no program of this machine reads is at least well formed, and all files
// name the same place of rung.
func TestConfigurationsAreWellFormed(t *testing.T) {
	needs(t, "python3")
	var files []string
	for _, pattern := range []string{"*/*.toml", "crio/*.conf", "podman/*.conf", "*/*.json"} {
		found, err := filepath.Glob("../../contrib/" + pattern)
		if err != nil || len(found) == 0 {
			t.Fatal("no files ", pattern, err)
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	const load = "import json, sys, tomllib\nf = open(sys.argv[1], 'rb')\nprint((json if " +
		"sys.argv[1].endswith('.json') else tomllib).load(f))"
	for _, file := range files {
		out, err := exec.Command("python3", "-c", load, file).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", file, err, out)
		} else if !strings.Contains(string(out), "'/usr/bin/rung'") {
			t.Errorf("%s does not name /usr/bin/rung", file)
		}
	}
}
