package faults

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cmd"
	"github.com/rung-oci/rung/libcontainer"
)

const (
	faultEnv  = "RUNG_TEST_FAULT"  // makes this program rung, with that fault
	deviceEnv = "RUNG_TEST_DEVICE" // a network device to be made first

	// controlFd is the control socket in rung and, because it is preserved, in
	// the processes of the container. The test knows by it that all ended.
	controlFd = 3

	statusLeaked = 99 // the exit status when rung has left something in its own process
)

// rung is the command line with a fault.
func rung() int {
	var f fault
	if err := json.Unmarshal([]byte(os.Getenv(faultEnv)), &f); err != nil {
		panic(err)
	}
	os.Unsetenv(faultEnv)
	if name := os.Getenv(deviceEnv); name != "" {
		if err := makeDevice(name); err != nil {
			panic(err)
		}
	}
	actions := 0
	before := descriptors()
	code := cmd.New(cmd.Build{Configure: func(r *libcontainer.Runtime) {
		r.Rewrite = f.rewrite
		r.At = func(action string) {
			f.at(place{atAction, actions}, action)
			actions++
		}
	}}).Run(os.Args)
	if left := leaked(before, code != 0); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "rung has left in its own process: %s\n", strings.Join(left, ", "))
		return statusLeaked
	}
	return code
}

func (f *fault) at(here place, action string) {
	if f.Trace {
		send("at", here, action)
	}
	if f.Hold == here {
		send("held at", here, action)
		for {
			if _, err := unix.Read(controlFd, make([]byte, 1)); err != unix.EINTR {
				return
			}
		}
	}
}

// ofSignals tells a socket by which signals are caught, which stays as long as the
// process: no other one of rung's does not block.
func ofSignals(fd int) bool {
	var st unix.Stat_t
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_NONBLOCK != 0 && unix.Fstat(fd, &st) == nil &&
		st.Mode&unix.S_IFMT == unix.S_IFSOCK
}

// leaked lists the descriptors that were not there before and, after a failure,
// the children that were not waited for.
func leaked(before map[int]string, failed bool) (left []string) {
	after := descriptors()
	for _, fd := range slices.Sorted(maps.Keys(after)) {
		file := after[fd]
		ofGo := file == "anon_inode:[eventpoll]" || file == "anon_inode:[eventfd]" ||
			strings.HasSuffix(file, "/"+logName)
		if _, was := before[fd]; !was && !ofGo && !ofSignals(fd) {
			left = append(left, fmt.Sprintf("descriptor %d of %s", fd, file))
		}
	}
	if !failed {
		return left
	}
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		left = append(left, fmt.Sprintf("a child (wait4: %d, %v)", pid, err))
	}
	return left
}

// descriptors are the open files of this process.
func descriptors() map[int]string {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	open := map[int]string{}
	for _, e := range entries {
		fd, _ := strconv.Atoi(e.Name())
		// the descriptor that the directory was read with is gone
		if file, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			open[fd] = file
		}
	}
	return open
}

// makeDevice makes a veth pair: rtnetlink(7).
func makeDevice(name string) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	const infoKind = 1 // IFLA_INFO_KIND
	body := make([]byte, unix.SizeofIfInfomsg)
	body = append(body, attribute(unix.IFLA_IFNAME, append([]byte(name), 0))...)
	body = append(body, attribute(unix.IFLA_LINKINFO, attribute(infoKind, []byte("veth")))...)
	header := make([]byte, unix.NLMSG_HDRLEN)
	binary.NativeEndian.PutUint32(header, uint32(len(header)+len(body)))
	binary.NativeEndian.PutUint16(header[4:], unix.RTM_NEWLINK)
	binary.NativeEndian.PutUint16(header[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	if err := unix.Sendto(fd, append(header, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil || n < unix.NLMSG_HDRLEN+4 {
		return fmt.Errorf("answer of %d bytes: %w", n, err)
	}
	if errno := -int32(binary.NativeEndian.Uint32(answer[unix.NLMSG_HDRLEN:])); errno != 0 {
		return fmt.Errorf("making the network device %s: %w", name, unix.Errno(errno))
	}
	return nil
}

func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofRtAttr+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	return append(b, make([]byte, -len(b)&3)...)
}
