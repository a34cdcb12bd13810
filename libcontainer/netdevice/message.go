package netdevice

import (
	"encoding/binary"
	"errors"
	"iter"

	"golang.org/x/sys/unix"
)

// A request is an rtnetlink message: struct nlmsghdr, the header of its family
// and attributes, netlink(7). Numbers are in the order of the machine, each
// part is aligned to 4 bytes.
type request []byte

// newRequest starts a message. What it changes is acknowledged, unless a dump
// is asked for, which has an end of its own.
func newRequest(kind, flags uint16, family []byte) request {
	r := make(request, unix.NLMSG_HDRLEN, 128)
	binary.NativeEndian.PutUint16(r[4:], kind)
	binary.NativeEndian.PutUint16(r[6:], unix.NLM_F_REQUEST|flags)
	return append(r, family...)
}

func (r request) attribute(kind uint16, value []byte) request {
	r = binary.NativeEndian.AppendUint16(r, uint16(unix.SizeofRtAttr+len(value)))
	r = binary.NativeEndian.AppendUint16(r, kind)
	r = append(r, value...)
	return append(r, make([]byte, align(len(value))-len(value))...)
}

func (r request) uint32(kind uint16, value uint32) request {
	return r.attribute(kind, binary.NativeEndian.AppendUint32(nil, value))
}

func (r request) string(kind uint16, value string) request {
	return r.attribute(kind, append([]byte(value), 0))
}

// seal writes the length and the sequence number.
func (r request) seal(sequence uint32) []byte {
	binary.NativeEndian.PutUint32(r, uint32(len(r)))
	binary.NativeEndian.PutUint32(r[8:], sequence)
	return r
}

func align(n int) int { return (n + 3) &^ 3 }

var errMalformed = errors.New("malformed netlink message")

// A message is one that the kernel sent, without its header.
type message struct {
	kind, flags uint16
	sequence    uint32
	body        []byte
}

// messages splits a datagram.
func messages(b []byte) (ms []message, err error) {
	for len(b) > 0 {
		if len(b) < unix.NLMSG_HDRLEN {
			return nil, errMalformed
		}
		size := uint64(binary.NativeEndian.Uint32(b))
		if size < unix.NLMSG_HDRLEN || size > uint64(len(b)) {
			return nil, errMalformed
		}
		ms = append(ms, message{
			kind:     binary.NativeEndian.Uint16(b[4:]),
			flags:    binary.NativeEndian.Uint16(b[6:]),
			sequence: binary.NativeEndian.Uint32(b[8:]),
			body:     b[unix.NLMSG_HDRLEN:size],
		})
		b = b[min(align(int(size)), len(b)):]
	}
	return ms, nil
}

// attributes ranges over the kinds and values of attributes. What does not fit
// ends it.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			size := int(binary.NativeEndian.Uint16(b))
			kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
			if size < unix.SizeofRtAttr || size > len(b) || !yield(kind, b[unix.SizeofRtAttr:size]) {
				return
			}
			b = b[min(align(size), len(b)):]
		}
	}
}
