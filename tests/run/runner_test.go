package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each stage waits for the other one to have printed, so only side by side do they end.
func TestSideBySide(t *testing.T) {
	said, answered := make(chan bool), make(chan bool)
	var printed strings.Builder
	r := runner{w: &printed}
	r.sideBySide([][]stage{{
		{"one", func(rep *report) error {
			fmt.Fprintln(rep, "one says")
			said <- true
			<-answered
			fmt.Fprintln(rep, "one ends")
			rep.passed++
			return nil
		}},
		{"three", func(rep *report) error {
			rep.skip("three", "reason\n")
			return errors.New("wrong")
		}},
	}, {
		{"two", func(rep *report) error {
			<-said
			err := rep.command("echo", "two answers").Run()
			answered <- true
			return err
		}},
	}})
	for _, want := range []string{
		"\n== one\none says\none ends\n== one: 1 passed, 0 failed (",
		"\n== two\ntwo answers\n== two: 0 passed, 0 failed (",
		"\n== three\nthree: wrong\n== three: 0 passed, 1 failed, 1 skipped (",
	} {
		if !strings.Contains(printed.String(), want) {
			t.Errorf("no %q in\n%s", want, printed.String())
		}
	}
	if got := fmt.Sprint(r.sum); got != "{1 [three] [three: reason]}" {
		t.Errorf("totals: %s", got)
	}
}

func TestGiveUp(t *testing.T) {
	var printed strings.Builder
	r := runner{w: &printed}
	r.sideBySide([][]stage{{
		{"ended", func(*report) error { return nil }},
		{"hangs", func(rep *report) error {
			fmt.Fprintln(rep, "so far")
			r.giveUp()
			return nil
		}},
	}})
	_, after, _ := strings.Cut(printed.String(), "== hangs begins\n")
	if !regexp.MustCompile(`^\n== hangs, which did not end in \d+ s\nso far\n`).MatchString(after) {
		t.Errorf("printed %q", after)
	}
}

// Every directory of tests that the unit tests leave out has a stage of its name.
func TestStages(t *testing.T) {
	names := stageNames(append(lanes(), alone(), guests()))
	for _, name := range ownStages() {
		if !slices.Contains(names, name) {
			t.Errorf("no stage %q", name)
		}
		if _, err := os.Stat("../" + name); err != nil {
			t.Error(err)
		}
	}
	slices.Sort(names)
	if unique := slices.Compact(slices.Clone(names)); len(unique) != len(names) {
		t.Errorf("a stage is there twice: %v", names)
	}
	if got := only(alone(), []string{"unit"}); len(got) != 0 {
		t.Errorf("only unit: %v", got[0].name)
	}
}
