package nsenter

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Socket makes a socket.
func (p *Program) Socket(domain, kind, protocol int) Call {
	return p.call(unix.SYS_SOCKET, Int(domain), Int(kind), Int(protocol))
}

// Accept4 waits for a connection to a socket that listens.
func (p *Program) Accept4(socket Arg, flags int) Call {
	return p.call(unix.SYS_ACCEPT4, socket, Int(0), Int(0), Int(flags))
}

// SetInterfaceFlags sets the flags of a network interface, IFF_*. Any socket will do.
func (p *Program) SetInterfaceFlags(socket Arg, name string, flags uint16) Call {
	request := ifreq{Flags: flags}
	copy(request.Name[:unix.IFNAMSIZ-1], name)
	return p.Ioctl(socket, unix.SIOCSIFFLAGS, constant(request))
}

// SendFds adds the steps that send a byte with descriptors (unix(7), SCM_RIGHTS), each
// in a control message of its own: a result is stored 8 bytes wide.
func (p *Program) SendFds(socket Arg, text byte, fds ...Cell) {
	control := Buffer(cmsgSpace * len(fds))
	header := layout(unix.Cmsghdr{Len: cmsgLen, Level: unix.SOL_SOCKET, Type: unix.SCM_RIGHTS}).Bytes
	copies := make([]Ref, len(fds))
	for i, fd := range fds {
		copy(control.Bytes[cmsgSpace*i:], header)
		copies[i] = control.At(cmsgSpace*i + unix.SizeofCmsghdr)
		p.Fcntl(Value(fd), unix.F_DUPFD_CLOEXEC, 0).IntoRef(copies[i])
	}
	msg := message(&Data{Bytes: []byte{text}}, control)
	p.call(unix.SYS_SENDMSG, socket, Address(msg.At(0)), Int(0))
	for _, c := range copies {
		p.Close(Load(c))
	}
}

// ReceiveFd adds the steps that receive a byte with a descriptor into a cell; n takes
// the length. They fail with ECANCELED if something else comes, or nothing any more.
func (p *Program) ReceiveFd(socket Arg, n, into Cell) {
	control := Buffer(cmsgSpace)
	msg := message(Buffer(8), control)
	msg.Writable = true
	received := Load(control.At(unix.SizeofCmsghdr))
	p.call(unix.SYS_RECVMSG, socket, Address(msg.At(0)), Int(unix.MSG_CMSG_CLOEXEC)).Into(n).RepeatOn(unix.EINTR, 1000)
	p.Expect(Value(n), ^uint64(0), 1, unix.ECANCELED)
	p.Expect(Load(control.At(int(unsafe.Offsetof(unix.Cmsghdr{}.Len)))), ^uint64(0), cmsgLen, unix.ECANCELED)
	p.Fcntl(received, unix.F_DUPFD_CLOEXEC, 0).Into(into)
	p.Close(received)
}
