package main

import "strings"

// fishOptions are what fish's complete is told of a flag: its names, its value and its usage.
func fishOptions(f flag) string {
	var b strings.Builder
	for _, n := range f.Names {
		if len(n) == 1 {
			b.WriteString(" -s " + n)
		} else {
			b.WriteString(" -l " + n)
		}
	}
	switch c := f.Completion(); c {
	case completeNothing:
	case completeFile:
		b.WriteString(" -r -F")
	case completeAny:
		b.WriteString(" -x")
	default:
		b.WriteString(" -x -a " + fishAction(c))
	}
	return b.String() + " -d " + fishQuote(f.Describe())
}

func fishAction(c completion) string {
	switch c {
	case completeDir:
		return "'(__fish_complete_directories)'"
	case completeFile:
		return "'(__fish_complete_path)'"
	case completeID:
		return "'(__rung_containers)'"
	}
	words, _ := c.words()
	return fishQuote(words)
}

func fishQuote(s string) string { return "'" + escape(`'\`, s) + "'" }
