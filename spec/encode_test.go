package spec

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// The generated encoder writes what encoding/json writes, of a value with
// everything in it, of one with nothing, and of one whose parts are empty.
func TestEncodeResources(t *testing.T) {
	all, zero := new(specs.LinuxResources), new(specs.LinuxResources)
	fill(reflect.ValueOf(all).Elem(), true)
	fill(reflect.ValueOf(zero).Elem(), false)
	for _, r := range []*specs.LinuxResources{{}, all, zero,
		{Devices: []specs.LinuxDeviceCgroup{}, Rdma: map[string]specs.LinuxRdma{}}} {
		want, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if have := EncodeResources(r); string(have) != string(want) {
			t.Errorf("have %s\nwant %s", have, want)
		}
	}
}

// fill makes whatever v can refer to, with two elements in each slice and map, and
// gives what is left values that are hard to write, or zeros.
func fill(v reflect.Value, hard bool) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), hard)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), hard)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), hard)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, key := range []string{"b\"ü<", "a"} {
			elem := reflect.New(v.Type().Elem()).Elem()
			fill(elem, hard)
			v.SetMapIndex(reflect.ValueOf(key), elem)
		}
	case reflect.String:
		if hard {
			v.SetString("<\"\\\n\x00é\xff>")
		}
	case reflect.Bool:
		v.SetBool(hard)
	default:
		if hard && v.CanInt() {
			v.SetInt(-1 << (v.Type().Bits() - 1))
		} else if hard {
			v.SetUint(1<<v.Type().Bits() - 1)
		}
	}
}
