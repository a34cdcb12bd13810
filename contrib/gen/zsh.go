package main

import (
	"fmt"
	"strings"
)

// zshSpecs are the specifications of flags and arguments that zsh's _arguments takes.
func zshSpecs(c command) (specs []string) {
	for _, f := range c.Flags {
		text := "[" + escape(`[]:\`, f.Describe()) + "]"
		for _, name := range f.Spelled() {
			if f.Value != "" && strings.HasPrefix(name, "--") {
				name += "="
			}
			spec := "*" + name + text
			if f.Value != "" {
				spec += ":" + f.Value + ":" + zshAction(f.Completion())
			}
			specs = append(specs, quote(spec))
		}
	}
	for i, a := range c.Arguments() {
		name := strings.Trim(a.Name, "[]")
		if strings.HasSuffix(name, "...") {
			return append(specs, "'*::argument:_default'")
		}
		specs = append(specs, quote(fmt.Sprintf("%d:%s:%s", i+1, name, zshAction(a.Completion))))
	}
	return specs
}

func zshAction(c completion) string {
	switch c {
	case completeDir:
		return "_files -/"
	case completeFile:
		return "_files"
	case completeID:
		return "_rung_containers"
	}
	if words, ok := c.words(); ok {
		return "(" + words + ")"
	}
	return " "
}

// quote quotes for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// escape puts a backslash before each of some characters.
func escape(chars, s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(chars, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
