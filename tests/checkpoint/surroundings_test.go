package checkpoint

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/tests/bundle"
)

// Bind mounts are the host's: what is in them is not saved, and they are there
// again, wherever their destination leads to, also in a fresh root filesystem.
func TestBindMounts(t *testing.T) {
	s := newSubject(t, counter)
	data := filepath.Join(s.Dir, "data")
	s.write(filepath.Join(data, "file"), "one")
	s.write(filepath.Join(data, "sub", "file"), "hidden")
	s.write(filepath.Join(s.Dir, "single"), "alone")
	host(t, "mount", "-t", "tmpfs", "tmpfs", filepath.Join(data, "sub"))
	defer host(t, "umount", "-l", filepath.Join(data, "sub"))
	s.write(filepath.Join(data, "sub", "file"), "two")
	if err := os.Symlink("mnt", s.Path("link")); err != nil {
		t.Fatal(err)
	}
	s.Configure(bundle.Shell(counter),
		bind(data, "/link/data", "rbind"), bind(data, "/mnt/flat", "ro"),
		bind(filepath.Join(s.Dir, "single"), "/etc/single"), bind(data, "/run/new/dir"))
	s.start()
	look := func() string {
		root := fmt.Sprintf("/proc/%d/root", s.State().Pid)
		text := s.read(root+"/mnt/data/file") + " " + s.read(root+"/mnt/data/sub/file") + " " +
			s.read(root+"/mnt/flat/sub/file") + " " + s.read(root+"/etc/single")
		if err := os.WriteFile(root+"/mnt/flat/x", nil, 0o644); err == nil {
			text += " writable"
		}
		return text
	}
	if got := look(); got != "one two hidden alone" {
		t.Fatalf("created with %q", got)
	}
	s.checkpoint().OK()
	for _, left := range []string{"mnt/data", "mnt/flat", "etc/single", "run/new/dir", "run/new"} {
		if err := os.Remove(s.Path(left)); err != nil {
			t.Fatal(err)
		}
	}
	s.write(filepath.Join(data, "file"), "three")
	s.restore().OK()
	s.counts(s.count())
	if got := look(); got != "three two hidden alone" {
		t.Errorf("restored with %q", got)
	}
	s.checkpoint().OK() // again: the restored one is as good as a created one
	s.restore().OK()
	s.counts(s.count())
}

// otherNamespaces starts a process in namespaces of its own, to be joined by path.
func otherNamespaces(t *testing.T, flags uintptr) (path func(name string) string) {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return func(name string) string { return fmt.Sprintf("/proc/%d/ns/%s", cmd.Process.Pid, name) }
}

// Namespaces that were joined by path are joined again.
func TestExternalNamespaces(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flag  uintptr
		types []specs.LinuxNamespaceType
	}{
		{"network", syscall.CLONE_NEWNET, []specs.LinuxNamespaceType{specs.NetworkNamespace}},
		{"ipc and uts", syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
			[]specs.LinuxNamespaceType{specs.IPCNamespace, specs.UTSNamespace}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSubject(t, counter)
			path := otherNamespaces(t, tt.flag)
			var changes []bundle.Change
			file := map[specs.LinuxNamespaceType]string{specs.NetworkNamespace: "net", specs.IPCNamespace: "ipc",
				specs.UTSNamespace: "uts"}
			for _, typ := range tt.types {
				changes = append(changes, bundle.Namespace(typ, path(file[typ])))
			}
			s.Configure(append(changes, bundle.Shell(counter), func(c *specs.Spec) { c.Hostname = "" })...)
			s.start()
			joined := func() {
				t.Helper()
				for _, typ := range tt.types {
					own, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", s.State().Pid, file[typ]))
					if want, _ := os.Readlink(path(file[typ])); own != want || own == "" {
						t.Errorf("%s is %s, want %s", typ, own, want)
					}
				}
			}
			joined()
			s.checkpoint().OK()
			s.restore().OK()
			s.counts(s.count())
			joined()
		})
	}
}

// A container in the host's namespaces comes back to them.
func TestHostNamespaces(t *testing.T) {
	s := newSubject(t, counter, bundle.WithoutNamespace(specs.NetworkNamespace),
		bundle.WithoutNamespace(specs.IPCNamespace))
	s.start()
	s.checkpoint().OK()
	s.restore().OK()
	s.counts(s.count())
	for _, name := range []string{"net", "ipc"} {
		its, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", s.State().Pid, name))
		if own, _ := os.Readlink("/proc/self/ns/" + name); its != own {
			t.Errorf("%s is %s, the host's is %s", name, its, own)
		}
	}
}

func TestUserNamespace(t *testing.T) {
	// the file that is its standard error is not for the container's root to open
	s := newSubject(t, "exec 2>&1; "+counter, func(c *specs.Spec) {
		bundle.Namespace(specs.UserNamespace, "")(c)
		ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
		c.Linux.UIDMappings, c.Linux.GIDMappings = ids, ids
	})
	host(t, "chown", "100000:100000", s.Path("tmp"))
	s.start()
	s.checkpoint().OK()
	s.restore().OK()
	s.counts(s.count())
	uids := s.read(fmt.Sprintf("/proc/%d/uid_map", s.State().Pid))
	if strings.Join(strings.Fields(uids), " ") != "0 100000 65536" {
		t.Errorf("uid_map is %q", uids)
	}
}

// screen accepts the terminal that is sent to a socket.
func screen(t *testing.T, dir string) (socket string, accept func() *output) {
	t.Helper()
	socket = filepath.Join(dir, fmt.Sprintf("console-%d.sock", time.Now().UnixNano()))
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return socket, func() *output {
		t.Helper()
		l.SetDeadline(time.Now().Add(20 * time.Second))
		conn, err := l.AcceptUnix()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		f, err := conn.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		unix.SetNonblock(int(f.Fd()), false)
		name := make([]byte, 64)
		n, fds, err := kernel.Receive(int(f.Fd()), name, 1)
		if err != nil || n == 0 || len(fds) != 1 {
			t.Fatalf("terminal %q: %d descriptors, %v", name[:n], len(fds), err)
		}
		if err := unix.SetNonblock(fds[0].Int(), true); err != nil {
			t.Fatal(err)
		}
		out := &output{t: t, pipe: os.NewFile(uintptr(fds[0].Take()), "master")}
		go out.pipe.WriteTo(out)
		t.Cleanup(func() { out.pipe.Close() })
		return out
	}
}

// A terminal is made anew, with its settings and its size, and its master sent to
// whoever restores.
func TestTerminal(t *testing.T) {
	s := newSubject(t, `tty; echo ready; while read line; do echo "got $line at $(stty size)"; done`,
		func(c *specs.Spec) {
			c.Process.Terminal = true
			c.Process.ConsoleSize = &specs.Box{Height: 33, Width: 111}
		})
	socket, accept := screen(t, s.Dir)
	s.Create("--console-socket", socket).OK()
	first := accept()
	s.Start().OK()
	first.prints("ready")
	first.pipe.WriteString("hello\n")
	first.prints("got hello at 33 111")
	s.checkpoint("--shell-job").OK()
	s.gone()
	s.restore("--shell-job").Fails("cannot allocate tty if runc will detach without setting console socket")
	s.gone()
	socket, accept = screen(t, s.Dir)
	s.restore("--shell-job", "--console-socket", socket).OK()
	second := accept()
	second.pipe.WriteString("again\n")
	second.prints("got again at 33 111")
	s.Kill("KILL").OK()
}

// A datagram socket that is connected to one of the host's is connected to what has
// that name, in the container, when it is restored.
func TestExternalUnixSocket(t *testing.T) {
	s := newSubject(t, "true")
	socket := filepath.Join(s.Dir, "log.sock")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.Configure(func(c *specs.Spec) {
		c.Process.Args = []string{"sh", "-c", "ln -s " + socket +
			` /dev/log; (echo before; while [ ! -e /tmp/speak ]; do sleep 0.02; done; echo after; ` +
			`sleep 1000) | logger & echo ready; wait`}
		// CRIU looks for the other end in the same network
	}, bind(socket, socket), bundle.WithoutNamespace(specs.NetworkNamespace))
	hears := func(text string) {
		t.Helper()
		buf := make([]byte, 4096)
		l.SetDeadline(time.Now().Add(10 * time.Second))
		n, err := l.Read(buf)
		if err != nil || !strings.Contains(string(buf[:n]), text) {
			t.Fatalf("heard %q, %v, want %q", buf[:n], err, text)
		}
	}
	s.start()
	hears("before")
	s.checkpoint().Fails("criu dump failed", "--ext-unix-sk")
	s.checkpoint("--ext-unix-sk").OK()
	s.gone()
	s.restore("--ext-unix-sk").OK()
	s.write(s.Path("tmp/speak"), "")
	hears("after")
}

// Memory can be sent to a page server instead of being written.
func TestPageServer(t *testing.T) {
	s := newSubject(t, counter)
	s.start()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	if err := os.Mkdir(s.images, 0o700); err != nil {
		t.Fatal(err)
	}
	pages := filepath.Join(s.Dir, "pages")
	if err := os.Mkdir(pages, 0o700); err != nil {
		t.Fatal(err)
	}
	server := exec.Command("criu", "page-server", "--images-dir", pages, "--address", "127.0.0.1", "--port", port)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Wait() }()
	t.Cleanup(func() { server.Process.Kill() })
	time.Sleep(300 * time.Millisecond) // it says nowhere that it listens, and serves one connection
	s.checkpoint("--page-server", "127.0.0.1:"+port).OK()
	s.gone()
	if err := <-stopped; err != nil {
		t.Fatalf("page server: %v: %s", err, s.read(filepath.Join(pages, "page-server.log")))
	}
	if sent, _ := filepath.Glob(filepath.Join(s.images, "pages-*.img")); len(sent) > 0 {
		t.Errorf("memory was written to %v", sent)
	}
	received, _ := filepath.Glob(filepath.Join(pages, "pages*.img"))
	if len(received) == 0 {
		t.Fatal("the page server has no memory")
	}
	for _, pattern := range []string{"pages*.img", "pagemap*.img"} {
		files, _ := filepath.Glob(filepath.Join(pages, pattern))
		for _, f := range files {
			host(t, "mv", f, s.images)
		}
	}
	at := s.count()
	s.restore().OK()
	s.counts(at)
}

// The hooks that prepare a container's namespaces prepare those of a restored one.
func TestHooks(t *testing.T) {
	s := newSubject(t, counter)
	hook := func(name, tail string) []specs.Hook {
		script := fmt.Sprintf(`state=$(cat); echo "%s $state" >>%s; %s`, name, filepath.Join(s.Dir, "hooks"), tail)
		return []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", script},
			Env: []string{"PATH=" + os.Getenv("PATH")}}}
	}
	s.Configure(bundle.Shell(counter), func(c *specs.Spec) {
		c.Hooks = &specs.Hooks{CreateRuntime: hook("createRuntime", ""), Poststop: hook("poststop", "")}
	})
	s.start()
	s.checkpoint().OK()
	if text := s.read(filepath.Join(s.Dir, "hooks")); !strings.Contains(text, "poststop") {
		t.Errorf("the hooks are told of no end: %s", text)
	}
	os.Remove(filepath.Join(s.Dir, "hooks"))
	s.restore().OK()
	text := s.read(filepath.Join(s.Dir, "hooks"))
	if !strings.Contains(text, fmt.Sprintf(`createRuntime {"ociVersion":"1.0.2","id":%q`, s.ID)) ||
		!strings.Contains(text, fmt.Sprintf(`"pid":%d`, s.State().Pid)) {
		t.Errorf("the hooks are told %s", text)
	}
	s.Delete("--force").OK()
	s.Configure(bundle.Shell(counter), func(c *specs.Spec) {
		c.Hooks = &specs.Hooks{CreateRuntime: hook("createRuntime", "exit 3")}
	})
	s.restore().Fails("createRuntime", "exit status 3")
	s.gone()
}

// A standard stream that was /dev/null is that again, whatever restore's own is.
func TestNullStreams(t *testing.T) {
	s := newSubject(t, counter)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	cmd := s.Command("create", "--bundle", s.Bundle, s.ID)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = null, null, null
	s.Wait(cmd).OK()
	s.Start().OK()
	bundle.Eventually(t, "counting", func() bool { _, err := os.Stat(s.Path("tmp/count")); return err == nil })
	for range 2 { // what is put in its place can be saved as it can
		s.checkpoint().OK()
		n := s.count()
		cmd := s.Command("restore", "--detach", "--bundle", s.Bundle, "--image-path", s.images, s.ID)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = newOutput(t).pipe, newOutput(t).pipe, newOutput(t).pipe
		s.Wait(cmd).OK()
		s.counts(n)
		for fd := range 3 {
			if name, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", s.State().Pid, fd)); err != nil ||
				name != os.DevNull {
				t.Errorf("descriptor %d is %s, %v", fd, name, err)
			}
		}
	}
}

// A container that was created for a service manager comes back, without one.
func TestNotifySocket(t *testing.T) {
	s := newSubject(t, counter)
	manager := filepath.Join(s.Dir, "manager.sock")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: manager, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cmd := s.Command("create", "--bundle", s.Bundle, s.ID)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+manager)
	cmd.Stdout = newOutput(t).pipe
	s.Wait(cmd).OK()
	s.Start().OK() // with that in the environment it would wait for what the container never says
	bundle.Eventually(t, "counting", func() bool { _, err := os.Stat(s.Path("tmp/count")); return err == nil })
	for range 2 {
		s.checkpoint().OK()
		s.gone()
		n := s.count()
		s.restore().OK()
		s.counts(n)
	}
}

// The network devices of a container's own namespace are those who made them: they
// are made again by the hook that made them before, as docker's, below the processes
// that are restored, for which the loopback device is up.
func TestNetworkDevices(t *testing.T) {
	s := newSubject(t, counter)
	name := fmt.Sprintf("rt%d", os.Getpid()%100000)
	script := fmt.Sprintf(`pid=$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p'); `+
		`ip link add %s type veth peer name eth0 netns $pid; nsenter -t $pid -n ip address add 10.99.0.2/24 dev eth0`,
		name)
	s.Configure(bundle.Shell(counter), func(c *specs.Spec) {
		c.Hooks = &specs.Hooks{Prestart: []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-e", "-c", script},
			Env: []string{"PATH=" + os.Getenv("PATH")}}}}
	})
	look := func() string {
		return host(t, "nsenter", "-t", strconv.Itoa(s.State().Pid), "-n", "ip", "-oneline", "-4", "address")
	}
	s.start()
	for range 2 { // the restored one is as good as the created one
		if text := look(); !strings.Contains(text, "127.0.0.1/8") || !strings.Contains(text, "10.99.0.2/24") {
			t.Fatalf("the container has the addresses %q", text)
		}
		s.checkpoint().OK()
		s.gone()
		// by which restore knows images of before
		if saved, _ := filepath.Glob(filepath.Join(s.images, "netdev-*.img")); len(saved) > 0 {
			t.Errorf("CRIU has saved %v", saved)
		}
		bundle.Eventually(t, "end of the device", func() bool {
			_, err := net.InterfaceByName(name)
			return err != nil
		})
		n := s.count()
		s.restore().OK()
		s.counts(n)
	}
	if text := look(); !strings.Contains(text, "127.0.0.1/8") || !strings.Contains(text, "10.99.0.2/24") {
		t.Errorf("the restored container has the addresses %q", text)
	}
}

// linux.netDevices are moved in again.
func TestMovedDevices(t *testing.T) {
	s := newSubject(t, counter)
	name := fmt.Sprintf("rd%d", os.Getpid()%100000)
	s.Configure(bundle.Shell(counter), func(c *specs.Spec) {
		c.Linux.NetDevices = map[string]specs.LinuxNetDevice{name: {Name: "moved"}}
	})
	add := func() { host(t, "ip", "link", "add", name, "type", "veth", "peer", "name", name+"p") }
	t.Cleanup(func() { exec.Command("ip", "link", "delete", name).Run() })
	add()
	s.start()
	s.checkpoint().OK()
	s.restore().Fails("linux.netDevices." + name)
	s.gone()
	add()
	s.restore().OK()
	host(t, "nsenter", "-t", strconv.Itoa(s.State().Pid), "-n", "ip", "link", "show", "moved")
}
