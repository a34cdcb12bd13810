package main

import (
	"bytes"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestUpToDate(t *testing.T) {
	want, err := generate(reflect.TypeFor[specs.Spec]())
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("../../decode_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Error("decode_gen.go is out of date; run go generate in spec")
	}
}

func TestRefused(t *testing.T) {
	for _, typ := range []reflect.Type{
		reflect.TypeFor[struct {
			F float64 `json:"f"`
		}](),
		reflect.TypeFor[struct {
			F any `json:"f"`
		}](),
		reflect.TypeFor[struct {
			F [][]string `json:"f"`
		}](),
		reflect.TypeFor[struct {
			F map[int]string `json:"f"`
		}](),
		reflect.TypeFor[struct {
			F int `json:"f,string"`
		}](),
		reflect.TypeFor[struct{ F int }](),
		reflect.TypeFor[struct {
			F time.Time `json:"f"`
		}](),
	} {
		if source, err := generate(typ); err == nil {
			t.Errorf("%v: no error, but\n%s", typ, source)
		}
	}
}
