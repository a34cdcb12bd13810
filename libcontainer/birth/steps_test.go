package birth

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rung-oci/rung/nsenter"
)

// line is a step as it is printed: rungs's own users read programs in this form,
// and it shows all that a step does.
type line struct {
	index  int
	name   string // "test" if it is no system call
	args   []string
	result string // of which cell or buffer, "" if none
	label  string
	text   string
}

func linesOf(t testing.TB, p *nsenter.Program) []line {
	t.Helper()
	list := make([]line, len(p.Steps))
	for i := range p.Steps {
		s := &p.Steps[i]
		l := line{index: i, name: s.CallName(), label: s.Label, text: p.StepString(i)}
		if s.Op == nsenter.OpCall {
			rest, ok := strings.CutPrefix(l.text, l.name+"(")
			if !ok {
				t.Fatalf("step %d is printed as %q", i, l.text)
			}
			l.args, rest = splitArguments(rest)
			rest, _, _ = strings.Cut(rest, "  ; ")
			l.result, _ = strings.CutPrefix(rest, " = ")
		}
		list[i] = l
	}
	return list
}

// splitArguments splits a list of arguments up to its closing parenthesis.
func splitArguments(s string) (args []string, rest string) {
	depth, quoted, start := 0, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[' || c == '<':
			depth++
		case c == '}' || c == ']' || c == '>':
			depth--
		case depth == 0 && (c == ',' || c == ')'):
			if arg := strings.TrimSpace(s[start:i]); arg != "" {
				args = append(args, arg)
			}
			if start = i + 1; c == ')' {
				return args, s[start:]
			}
		}
	}
	return args, ""
}

// arg is an argument, "" if there are fewer.
func (l *line) arg(i int) string {
	if i < len(l.args) {
		return l.args[i]
	}
	return ""
}

// text is an argument that is a string, without its quotes.
func (l *line) str(i int) string {
	s, err := strconv.Unquote(l.arg(i))
	if err != nil {
		return l.arg(i)
	}
	return s
}

func (l *line) has(i int, flag string) bool {
	return regexp.MustCompile(`(^|[^A-Z_])` + flag + `($|[^A-Z_])`).MatchString(l.arg(i))
}

// filesOf gives a number to each descriptor of the launcher that a program uses.
func filesOf(p *nsenter.Program) map[string]int {
	files := map[string]int{}
	name := regexp.MustCompile(`<([a-z][^>]*[a-z0-9.])>`)
	for i := range p.Steps {
		for _, m := range name.FindAllStringSubmatch(p.StepString(i), -1) {
			if _, ok := files[m[1]]; !ok && !strings.HasSuffix(m[1], " bytes") {
				files[m[1]] = 100 + len(files)
			}
		}
	}
	return files
}

func assemble(t testing.TB, p *nsenter.Program) (*nsenter.Memory, map[string]int) {
	t.Helper()
	files := filesOf(p)
	m, err := nsenter.Assemble(p, files)
	if err != nil {
		t.Fatal(err)
	}
	return m, files
}
