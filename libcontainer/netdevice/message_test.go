package netdevice

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func littleEndian(t *testing.T) {
	t.Helper()
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the expected bytes are those of a little-endian machine")
	}
}

func TestRequests(t *testing.T) {
	littleEndian(t)
	a := address{family: unix.AF_INET, prefix: 24, flags: unix.IFA_F_PERMANENT | unix.IFA_F_NOPREFIXROUTE,
		local: []byte{10, 0, 0, 1}, peer: []byte{10, 0, 0, 1}, label: "eth0"}
	for _, tt := range []struct {
		name string
		r    request
		want string
	}{
		{"move", moveRequest(3, 9, 5, "ab"), "" +
			"38000000" + "1300" + "0500" + "07000000" + "00000000" + // nlmsghdr: RTM_SETLINK, REQUEST|ACK
			"00000000" + "03000000" + "00000000" + "00000000" +
			"0800" + "1c00" + "09000000" +
			"0800" + "3100" + "05000000" +
			"0700" + "0300" + "61620000"},
		{"up", upRequest(5), "" +
			"20000000" + "1300" + "0500" + "07000000" + "00000000" +
			"00000000" + "05000000" + "01000000" + "01000000"},
		{"address", a.request(5, "eth0", "net0"), "" +
			"3c000000" + "1400" + "0506" + "07000000" + "00000000" + // RTM_NEWADDR, REQUEST|ACK|EXCL|CREATE
			"02" + "18" + "00" + "00" + "05000000" +
			"0800" + "0200" + "0a000001" +
			"0800" + "0100" + "0a000001" +
			"0900" + "0300" + "6e65743000000000" +
			"0800" + "0800" + "00020000"},
	} {
		if got := hex.EncodeToString(tt.r.seal(7)); got != tt.want {
			t.Errorf("%s:\n%s, want\n%s", tt.name, got, tt.want)
		}
	}
}

func TestMoving(t *testing.T) {
	const permanent = unix.IFA_F_PERMANENT
	all := []address{
		{index: 3, family: unix.AF_INET, prefix: 1, flags: permanent},
		{index: 3, family: unix.AF_INET6, prefix: 2, flags: permanent},
		{index: 3, family: unix.AF_INET6, prefix: 3, flags: permanent | unix.IFA_F_TENTATIVE},
		{index: 3, family: unix.AF_INET6, prefix: 4},
		{index: 3, family: unix.AF_INET6, prefix: 5, flags: permanent, scope: unix.RT_SCOPE_LINK},
		{index: 4, family: unix.AF_INET, prefix: 6, flags: permanent},
		{index: 3, family: unix.AF_INET, prefix: 7, flags: permanent, scope: unix.RT_SCOPE_HOST},
		{index: 3, family: unix.AF_INET, prefix: 8, flags: permanent | unix.IFA_F_SECONDARY},
	}
	var got []uint8
	for _, a := range moving(all, 3) {
		got = append(got, a.prefix)
	}
	if want := []uint8{1, 8, 3, 2}; !slices.Equal(got, want) {
		t.Errorf("moving %v, want %v", got, want)
	}
}

func TestRelabel(t *testing.T) {
	for _, tt := range []struct{ label, oldName, name, want string }{
		{"eth0", "eth0", "net0", "net0"},
		{"eth0:web", "eth0", "net0", "net0:web"},
		{"eth01", "eth0", "net0", "eth01"},
		{"other", "eth0", "net0", "other"},
		{"eth0:12345678", "eth0", "abcdefghijklmno", "abcdef:12345678"},
		{"e:3456789012345", "e", "abc", "a:3456789012345"},
	} {
		if got := relabel(tt.label, tt.oldName, tt.name); got != tt.want {
			t.Errorf("relabel(%q, %q, %q) = %q, want %q", tt.label, tt.oldName, tt.name, got, tt.want)
		}
	}
}

func TestAddressString(t *testing.T) {
	for _, tt := range []struct {
		a    address
		want string
	}{
		{address{family: unix.AF_INET, prefix: 8, local: []byte{10, 0, 0, 1}, peer: []byte{10, 0, 0, 2}}, "10.0.0.1/8"},
		{address{family: unix.AF_INET6, prefix: 64, peer: []byte{0xfd, 15: 1}}, "fd00::1/64"},
		{address{family: unix.AF_MCTP, peer: []byte{8}}, "08 of family 45"},
	} {
		if got := tt.a.String(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// acknowledgement is the body of an NLMSG_ERROR with an errno and attributes.
func acknowledgement(errno unix.Errno, attributes request) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno)))
	b = append(b, make([]byte, unix.NLMSG_HDRLEN)...)
	return append(b, attributes...)
}

func TestStatus(t *testing.T) {
	text := request{}.uint32(unix.NLMSGERR_ATTR_OFFS, 16).string(unix.NLMSGERR_ATTR_MSG,
		"The interface netns is immutable")
	const tlvs = unix.NLM_F_ACK_TLVS | unix.NLM_F_CAPPED
	for _, tt := range []struct {
		m     message
		errno error
		want  string
	}{
		{message{kind: unix.NLMSG_ERROR, body: acknowledgement(0, nil)}, nil, "<nil>"},
		{message{kind: unix.NLMSG_DONE, body: make([]byte, 4)}, nil, "<nil>"},
		{message{kind: unix.NLMSG_ERROR, body: acknowledgement(unix.ENODEV, nil)}, unix.ENODEV, "no such device"},
		{message{kind: unix.NLMSG_ERROR, flags: tlvs, body: acknowledgement(unix.EINVAL, text)}, unix.EINVAL,
			"invalid argument (The interface netns is immutable)"},
		{message{kind: unix.NLMSG_ERROR, flags: tlvs, body: acknowledgement(unix.EINVAL, text[:13])}, unix.EINVAL,
			"invalid argument"},
		{message{kind: unix.NLMSG_ERROR, body: []byte{1}}, errMalformed, "malformed netlink message"},
	} {
		err := tt.m.status()
		got := "<nil>"
		if err != nil {
			got = err.Error()
		}
		if got != tt.want || !errors.Is(err, tt.errno) {
			t.Errorf("%v: %q, want %q", tt.m, got, tt.want)
		}
	}
}

func TestMessagesMalformed(t *testing.T) {
	whole := upRequest(5).seal(1)
	if ms, err := messages(slices.Concat(whole, whole)); err != nil || len(ms) != 2 ||
		len(ms[1].body) != unix.SizeofIfInfomsg {
		t.Fatalf("%v, %v", ms, err)
	}
	long, short := slices.Clone(whole), slices.Clone(whole)
	long[0]++
	short[0] = unix.NLMSG_HDRLEN - 1
	for _, b := range [][]byte{whole[:5], whole[:20], long, short} {
		if ms, err := messages(b); err != errMalformed {
			t.Errorf("%x: %v, %v", b, ms, err)
		}
	}
}

// FuzzParse checks that nothing outside of a message is read, and that what has
// been read of an address is written the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(upRequest(5).seal(1)))
	a := address{family: unix.AF_INET, prefix: 24, local: []byte{10, 0, 0, 1}, label: "eth0",
		other: []attribute{{unix.IFA_BROADCAST, []byte{10, 0, 0, 255}}}}
	f.Add([]byte(a.request(5, "", "").seal(1)))
	f.Add([]byte(moveRequest(1, 2, 3, "eth0").seal(1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		ms, _ := messages(b)
		for _, m := range ms {
			m.status()
			parseLink(m)
			a, err := parseAddress(m)
			if err != nil {
				continue
			}
			again, err := messages(a.request(a.index, "", "").seal(1))
			if err != nil || len(again) != 1 {
				t.Fatalf("%+v: %v, %v", a, again, err)
			}
			back, err := parseAddress(again[0])
			if err != nil || !slices.Equal(back.local, a.local) || back.prefix != a.prefix ||
				len(back.other) != len(a.other) {
				t.Fatalf("%+v, %v, want %+v", back, err, a)
			}
		}
	})
}
