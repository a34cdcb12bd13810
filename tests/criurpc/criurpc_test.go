// Package criurpc holds the messages of libcontainer/criu against the code that is
// generated from CRIU's own rpc.proto. It is a module of its own, because nothing
// else needs that code.
package criurpc

import (
	"reflect"
	"testing"

	"github.com/checkpoint-restore/go-criu/v7/rpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/rung-oci/rung/libcontainer/criu"
)

// full has every field set to a value of its own.
var full = criu.Options{
	ImagesDir: 101, WorkDir: 102, LogLevel: 4, LogFile: "log", ConfigFile: "config",
	Pid: 103, Root: "/root", Parent: "../parent", FreezeCgroup: "/freezer",
	LeaveRunning: true, ExtUnixSk: true, TCPEstablished: true, TCPSkipInFlight: true, ShellJob: true, FileLocks: true,
	LinkRemap: true, AutoDedup: true, LazyPages: true, TrackMem: true, NotifyScripts: true, OrphanPtsMaster: true,
	ExtMasters: true, Sibling: true, ManageCgroups: true, CgroupsMode: criu.Full, EmptyNS: 0x40000000, StatusFd: 104,
	LSMProfile: "profile", LSMMountContext: "context",
	PageServer:  &criu.PageServer{Address: "::1", Port: 105},
	CgroupRoots: []criu.CgroupRoot{{Controllers: "cpu", Path: "/a"}, {Path: "/b"}},
	InheritFds:  []criu.InheritFd{{Key: "k", Fd: 106}, {Key: "l", Fd: 0}},
	JoinNS:      []criu.JoinNS{{Name: "ipc", File: "/ns"}},
	External:    []string{"x", "y"},
}

func TestOptions(t *testing.T) {
	for i := range reflect.ValueOf(full).NumField() {
		if reflect.ValueOf(full).Field(i).IsZero() {
			t.Errorf("full does not set %s", reflect.TypeOf(full).Field(i).Name)
		}
	}
	want := &rpc.CriuReq{Type: rpc.CriuReqType_DUMP.Enum(), Opts: &rpc.CriuOpts{
		ImagesDirFd: proto.Int32(101), WorkDirFd: proto.Int32(102), LogLevel: proto.Int32(4),
		LogFile: proto.String("log"), ConfigFile: proto.String("config"),
		Pid: proto.Int32(103), Root: proto.String("/root"), ParentImg: proto.String("../parent"),
		FreezeCgroup: proto.String("/freezer"),
		LeaveRunning: proto.Bool(true), ExtUnixSk: proto.Bool(true), TcpEstablished: proto.Bool(true),
		TcpSkipInFlight: proto.Bool(true), ShellJob: proto.Bool(true), FileLocks: proto.Bool(true),
		LinkRemap: proto.Bool(true), AutoDedup: proto.Bool(true), LazyPages: proto.Bool(true),
		TrackMem: proto.Bool(true), NotifyScripts: proto.Bool(true), OrphanPtsMaster: proto.Bool(true),
		ExtMasters: proto.Bool(true), RstSibling: proto.Bool(true), ManageCgroups: proto.Bool(true),
		ManageCgroupsMode: rpc.CriuCgMode_FULL.Enum(), EmptyNs: proto.Uint32(0x40000000),
		StatusFd:   proto.Int32(104),
		LsmProfile: proto.String("profile"), LsmMountContext: proto.String("context"),
		Ps:     &rpc.CriuPageServerInfo{Address: proto.String("::1"), Port: proto.Int32(105)},
		CgRoot: []*rpc.CgroupRoot{{Ctrl: proto.String("cpu"), Path: proto.String("/a")}, {Path: proto.String("/b")}},
		InheritFd: []*rpc.InheritFd{{Key: proto.String("k"), Fd: proto.Int32(106)},
			{Key: proto.String("l"), Fd: proto.Int32(0)}},
		JoinNs:   []*rpc.JoinNamespace{{Ns: proto.String("ipc"), NsFile: proto.String("/ns")}},
		External: []string{"x", "y"},
	}}
	expect(t, criu.Request{Type: criu.Dump, Options: &full}, want)
}

// expect requires that a request of ours is what go-criu takes for the other.
func expect(t *testing.T, ours criu.Request, want *rpc.CriuReq) {
	t.Helper()
	got := new(rpc.CriuReq)
	if err := proto.Unmarshal(ours.Marshal(), got); err != nil {
		t.Fatalf("%v: %v", ours.Type, err)
	}
	if !proto.Equal(got, want) {
		t.Errorf("%v: %v, want %v", ours.Type, got, want)
	}
	for _, m := range []protoreflect.Message{got.ProtoReflect(), got.GetOpts().ProtoReflect()} {
		if len(m.GetUnknown()) > 0 {
			t.Errorf("%v: unknown fields %q", ours.Type, m.GetUnknown())
		}
	}
}

func TestRequests(t *testing.T) {
	expect(t, criu.Request{Type: criu.Restore, Options: &criu.Options{}}, &rpc.CriuReq{
		Type: rpc.CriuReqType_RESTORE.Enum(), Opts: &rpc.CriuOpts{ImagesDirFd: proto.Int32(0),
			WorkDirFd: proto.Int32(0)},
	})
	expect(t, criu.Request{Type: criu.PreDump}, &rpc.CriuReq{Type: rpc.CriuReqType_PRE_DUMP.Enum()})
	for _, success := range []bool{true, false} {
		expect(t, criu.Request{Type: criu.Notify, Success: success},
			&rpc.CriuReq{Type: rpc.CriuReqType_NOTIFY.Enum(), NotifySuccess: proto.Bool(success)})
	}
	expect(t, criu.Request{Type: criu.FeatureCheck, Features: &criu.Features{MemTrack: true, LazyPages: true}},
		&rpc.CriuReq{
			Type: rpc.CriuReqType_FEATURE_CHECK.Enum(), Features: &rpc.CriuFeatures{MemTrack: proto.Bool(true),
				LazyPages: proto.Bool(true)},
		})
	for ours, name := range map[criu.Mode]rpc.CriuCgMode{criu.Ignore: rpc.CriuCgMode_IGNORE,
		criu.Soft: rpc.CriuCgMode_SOFT, criu.Full: rpc.CriuCgMode_FULL, criu.Strict: rpc.CriuCgMode_STRICT} {
		if int32(ours) != int32(name) {
			t.Errorf("mode %v is %d", name, ours)
		}
	}
}

func TestResponses(t *testing.T) {
	for _, tt := range []struct {
		theirs *rpc.CriuResp
		want   criu.Response
	}{
		{&rpc.CriuResp{Type: rpc.CriuReqType_DUMP.Enum(), Success: proto.Bool(true),
			Dump: &rpc.CriuDumpResp{Restored: proto.Bool(true)}},
			criu.Response{Type: criu.Dump, Success: true}},
		{&rpc.CriuResp{Type: rpc.CriuReqType_RESTORE.Enum(), Success: proto.Bool(true),
			Restore: &rpc.CriuRestoreResp{Pid: proto.Int32(4711)}},
			criu.Response{Type: criu.Restore, Success: true, Restored: 4711}},
		{&rpc.CriuResp{Type: rpc.CriuReqType_RESTORE.Enum(), Success: proto.Bool(false), CrErrno: proto.Int32(17),
			CrErrmsg: proto.String("no")},
			criu.Response{Type: criu.Restore, Errno: 17, Message: "no"}},
		{&rpc.CriuResp{Type: rpc.CriuReqType_RESTORE.Enum(), Success: proto.Bool(false), CrErrno: proto.Int32(-52)},
			criu.Response{Type: criu.Restore, Errno: -52}},
		{&rpc.CriuResp{Type: rpc.CriuReqType_NOTIFY.Enum(), Success: proto.Bool(true),
			Notify: &rpc.CriuNotify{Script: proto.String("post-restore"), Pid: proto.Int32(9)}},
			criu.Response{Type: criu.Notify, Success: true, Script: "post-restore", Pid: 9}},
		{&rpc.CriuResp{Type: rpc.CriuReqType_FEATURE_CHECK.Enum(), Success: proto.Bool(true),
			Features: &rpc.CriuFeatures{MemTrack: proto.Bool(true), LazyPages: proto.Bool(false)}},
			criu.Response{Type: criu.FeatureCheck, Success: true, Features: criu.Features{MemTrack: true}}},
	} {
		text, err := proto.Marshal(tt.theirs)
		if err != nil {
			t.Fatal(err)
		}
		var got criu.Response
		if err := got.Unmarshal(text); err != nil || got != tt.want {
			t.Errorf("%v: %+v, %v, want %+v", tt.theirs, got, err, tt.want)
		}
	}
}
