package faults

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limit is how long anything may take that takes milliseconds.
const limit = 30 * time.Second

// A message came over the control socket.
type message struct {
	text string
	pid  int // the sender's
}

// A command is a running rung.
type command struct {
	args     []string
	process  *os.Process
	control  *net.UnixConn
	messages chan message  // closed when rung and all processes with its control socket ended
	ended    chan struct{} // rung ended
	code     int           // then: its exit status; 128 and the signal's number when killed
	output   *os.File
}

// call starts rung with a fault.
func (c *container) call(f fault, args ...string) (*command, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	its := os.NewFile(uintptr(pair[1]), "control socket")
	defer its.Close()
	control, err := connection(pair[0])
	if err != nil {
		return nil, err
	}
	k := &command{args: args, control: control, messages: make(chan message, 4096), ended: make(chan struct{})}
	if k.output, err = os.CreateTemp(c.dir, "output-"); err != nil {
		return nil, err
	}
	cmd, err := c.prepare(f, args)
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{its}
	cmd.Stdout, cmd.Stderr = k.output, k.output
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	k.process = cmd.Process
	go k.receive()
	go func() {
		cmd.Wait()
		status := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if k.code = status.ExitStatus(); status.Signaled() {
			k.code = 128 + int(status.Signal())
		}
		close(k.ended)
	}()
	c.commands = append(c.commands, k)
	return k, nil
}

func (c *container) prepare(f fault, args []string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, append([]string{"--root", c.root, "--log", c.log, "--log-format", "json"}, args...)...)
	cmd.Args[0] = "rung"
	cmd.Env = append(os.Environ(), faultEnv+"="+string(text))
	cmd.Env = append(cmd.Env, c.config.env...)
	if c.config.device != "" && (args[0] == "create" || args[0] == "run") {
		cmd.Env = append(cmd.Env, deviceEnv+"="+c.config.device)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	}
	return cmd, nil
}

// connection is this end of a control socket; the sender's pid comes with each
// message.
func connection(fd int) (*net.UnixConn, error) {
	f := os.NewFile(uintptr(fd), "control socket")
	defer f.Close()
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		return nil, err
	}
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UnixConn), nil
}

func (k *command) receive() {
	defer close(k.messages)
	buf, oob := make([]byte, 8192), make([]byte, unix.CmsgSpace(unix.SizeofUcred))
	for {
		n, oobn, _, _, err := k.control.ReadMsgUnix(buf, oob)
		if n == 0 || err != nil {
			return
		}
		m := message{text: string(buf[:n])}
		if list, err := unix.ParseSocketControlMessage(oob[:oobn]); err == nil && len(list) == 1 {
			if cred, err := unix.ParseUnixCredentials(&list[0]); err == nil {
				m.pid = int(cred.Pid)
			}
		}
		k.messages <- m
	}
}

func (k *command) String() string {
	k.output.Seek(0, 0)
	text, _ := os.ReadFile(k.output.Name())
	return fmt.Sprintf("rung %s: exit status %d, output: %s", strings.Join(k.args, " "), k.code,
		strings.TrimSpace(string(text)))
}

// wait waits for rung's end, and requires one of the exit statuses.
func (k *command) wait(codes ...int) error {
	select {
	case <-k.ended:
	case <-time.After(limit):
		k.process.Kill()
		<-k.ended
		return fmt.Errorf("no end after %v: %v", limit, k)
	}
	for _, code := range codes {
		if k.code == code {
			return nil
		}
	}
	return fmt.Errorf("want exit status %d: %v", codes, k)
}

// await waits for a message that starts with a text.
func (k *command) await(text string) (message, error) {
	timeout := time.After(limit)
	for {
		select {
		case m, ok := <-k.messages:
			if !ok {
				<-k.ended
				return m, fmt.Errorf("ended without %q: %v", text, k)
			}
			if strings.HasPrefix(m.text, text) {
				return m, nil
			}
		case <-timeout:
			return message{}, fmt.Errorf("no %q after %v: %v", text, limit, k)
		}
	}
}

// kill ends rung.
func (k *command) kill() {
	k.process.Kill()
	<-k.ended
}

// goOn lets go on what is held.
func (k *command) goOn() { k.control.CloseWrite() }

// drain waits until no process has the control socket any more, and returns
// what was sent until then.
func (k *command) drain() ([]message, error) {
	var list []message
	timeout := time.After(limit)
	for {
		select {
		case m, ok := <-k.messages:
			if !ok {
				return list, nil
			}
			list = append(list, m)
		case <-timeout:
			return list, fmt.Errorf("a process of rung %s is left", strings.Join(k.args, " "))
		}
	}
}
