package main

import (
	"bytes"
	"os"
	"reflect"
	"testing"
	"time"
)

func TestUpToDate(t *testing.T) {
	for _, g := range generated {
		want, err := generate(g.root, g.write)
		if err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile("../../" + g.file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, want) {
			t.Errorf("%s is out of date; run go generate in spec", g.file)
		}
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
		for _, g := range generated {
			if source, err := generate(typ, g.write); err == nil {
				t.Errorf("%s: %v: no error, but\n%s", g.file, typ, source)
			}
		}
	}
}
