package bus

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"

	"github.com/godbus/dbus/v5"
)

// plainValue is what godbus makes of a value.
func plainValue(v Value) any {
	switch v := v.(type) {
	case Byte:
		return byte(v)
	case Bool:
		return bool(v)
	case Int16:
		return int16(v)
	case Uint16:
		return uint16(v)
	case Int32:
		return int32(v)
	case Uint32:
		return uint32(v)
	case Int64:
		return int64(v)
	case Uint64:
		return uint64(v)
	case Double:
		return float64(v)
	case String:
		return string(v)
	case ObjectPath:
		return dbus.ObjectPath(v)
	case Signature:
		return dbus.ParseSignatureMust(string(v))
	case Variant:
		return dbus.MakeVariantWithSignature(plainValue(v.Value), dbus.ParseSignatureMust(v.Value.Type()))
	case Struct:
		list := []any{}
		for _, f := range v {
			list = append(list, plainValue(f))
		}
		return list
	case Array:
		list := []any{}
		for _, e := range v.Values {
			list = append(list, plainValue(e))
		}
		return list
	}
	panic(v)
}

// flat makes the typed slices of godbus into those of plainValue.
func flat(v any) any {
	switch v := v.(type) {
	case dbus.Variant:
		return dbus.MakeVariantWithSignature(flat(v.Value()), v.Signature())
	case dbus.Signature, dbus.ObjectPath:
		return v
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice {
		list := []any{}
		for i := range r.Len() {
			list = append(list, flat(r.Index(i).Interface()))
		}
		return list
	}
	return v
}

var samples = []Value{
	Byte(7), Bool(true), Bool(false), Int16(-2), Uint16(2), Int32(-3), Uint32(3), Int64(-4), Uint64(1 << 63),
	Double(1.5), String("text"), String(""), ObjectPath("/a/b"), Signature("a(sv)"), Variant{String("x")},
	Variant{Variant{Uint64(1)}},
	ArrayOf(Uint32(1), Uint32(2)), Array{Of: "t"}, Array{Of: "(sv)"}, Bytes([]byte{1, 2, 3}),
	Struct{Byte(1), Uint64(2), String("s")},
	ArrayOf(Struct{String("/dev/sda"), Uint64(1)}, Struct{String("/dev/b"), Uint64(2)}),
	ArrayOf(ArrayOf(Byte(1)), Array{Of: "y"}, ArrayOf(Byte(2), Byte(3))),
	ArrayOf(Struct{String("A"), Variant{ArrayOf(Struct{String("p"), Uint64(9)})}},
		Struct{String("B"), Variant{Bool(true)}}),
}

// What is written here the library reads.
func TestCallsAreRead(t *testing.T) {
	for i := range samples {
		for _, args := range [][]Value{{samples[i]}, {Byte(1), samples[i], String("end")}} {
			call := &Call{Destination: "a.b", Path: "/o", Interface: "i.f", Method: "M", Args: args}
			b := call.append(nil, 5, false)
			m, err := dbus.DecodeMessage(bytes.NewReader(b))
			if err != nil {
				t.Errorf("%v: %v", args, err)
				continue
			}
			if err := m.IsValid(); err != nil {
				t.Errorf("%v: %v", args, err)
			}
			for j := range args {
				if got, want := flat(m.Body[j]), plainValue(args[j]); !reflect.DeepEqual(got, want) {
					t.Errorf("%v: got %#v, want %#v", args[j], got, want)
				}
			}
			want := map[dbus.HeaderField]any{dbus.FieldDestination: "a.b", dbus.FieldPath: dbus.ObjectPath("/o"),
				dbus.FieldInterface: "i.f", dbus.FieldMember: "M"}
			for field, want := range want {
				if got := m.Headers[field].Value(); got != want {
					t.Errorf("header %v is %v, want %v", field, got, want)
				}
			}
			if m.Serial() != 5 || m.Type != dbus.TypeMethodCall {
				t.Errorf("serial %d, type %v", m.Serial(), m.Type)
			}
		}
	}
}

func encoded(t testing.TB, m *dbus.Message) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.EncodeTo(&b, binary.LittleEndian); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jobRemoved(job, unit, result string) *dbus.Message {
	body := []any{uint32(1), dbus.ObjectPath(job), unit, result}
	return &dbus.Message{
		Type: dbus.TypeSignal, Body: body,
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldInterface: dbus.MakeVariant("a.Manager"), dbus.FieldMember: dbus.MakeVariant("JobRemoved"),
			dbus.FieldPath:      dbus.MakeVariant(dbus.ObjectPath("/a")),
			dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(body...)),
			dbus.FieldSender:    dbus.MakeVariant(":1.1"),
		},
	}
}

// What the library writes is read here, however it comes in pieces.
func TestMessagesAreRead(t *testing.T) {
	b := encoded(t, jobRemoved("/job/1", "c.scope", "done"))
	for n := range b {
		if m, _, err := parse(b[:n]); m != nil || err != nil {
			t.Fatalf("%d bytes of %d: %v, %v", n, len(b), m, err)
		}
	}
	m, size, err := parse(append(b, "more"...))
	if err != nil || size != len(b) {
		t.Fatalf("%d bytes, %v", size, err)
	}
	d := m.Body()
	if id, job, unit, result := d.Uint32(), d.String(), d.String(), d.String(); id != 1 || job != "/job/1" ||
		unit != "c.scope" || result != "done" || d.Err() != nil {
		t.Error(id, job, unit, result, d.Err())
	}
	if m.Interface != "a.Manager" || m.Member != "JobRemoved" || m.Path != "/a" {
		t.Errorf("%+v", m)
	}
	if d.Uint32() != 0 || d.Err() == nil {
		t.Error("something was read behind the end")
	}
}

// Nothing that comes makes the reader fall.
func FuzzParse(f *testing.F) {
	f.Add(encoded(f, jobRemoved("/j", "u", "done")))
	f.Add([]byte("l\x02\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, size, err := parse(b)
		if err != nil || m == nil {
			return
		}
		if size < fixedHeader || size > len(b) {
			t.Fatal(size)
		}
		m.err()
		d := m.Body()
		d.Uint32()
		_ = d.String()
		_ = d.VariantString()
	})
}
