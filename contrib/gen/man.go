package main

import "strings"

// paragraphs makes macros of man(7) of text whose paragraphs are separated by empty lines.
func paragraphs(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line == "" {
			lines[i] = ".PP"
		} else {
			lines[i] = roff(line)
		}
	}
	return strings.Join(lines, "\n")
}

// roff escapes a line of text.
func roff(line string) string {
	line = strings.ReplaceAll(line, `\`, `\e`)
	line = strings.ReplaceAll(line, "-", `\-`)
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		line = `\&` + line
	}
	return line
}

// literal escapes a line that is to be copied: with the characters of ASCII.
func literal(line string) string {
	return strings.NewReplacer("'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(roff(line))
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
