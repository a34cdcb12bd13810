package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What is checked in is what the command line is now.
func TestUpToDate(t *testing.T) {
	want := files(definition())
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil || string(got) != text {
			t.Errorf("contrib/%s is not what the command line is now (%v): run make generate", name, err)
		}
	}
	pages, err := filepath.Glob("../man/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if want["man/"+filepath.Base(page)] == "" {
			t.Errorf("contrib/man/%s is of no command: run make generate", filepath.Base(page))
		}
	}
}

// Every command and flag is in every page and completion that has to have it.
func TestNothingIsMissing(t *testing.T) {
	p := definition()
	all := files(p)
	contains := func(file, text string) {
		t.Helper()
		if !strings.Contains(all[file], text) {
			t.Errorf("%s lacks %q", file, text)
		}
	}
	check := func(page string, flags []flag) {
		for _, f := range flags {
			for _, s := range f.Spelled() {
				contains(page, `\fB`+strings.ReplaceAll(s, "-", `\-`)+`\fR`)
				contains("completions/rung.bash", s)
				contains("completions/_rung", "'*"+s)
			}
		}
	}
	check("man/rung.8", p.Flags())
	if len(p.Commands) < 10 {
		t.Errorf("only %d commands", len(p.Commands))
	}
	for _, c := range p.Commands {
		check("man/rung-"+c.Name+".8", c.Flags)
		contains("man/rung.8", "rung\\-"+c.Name)
		contains("completions/rung.fish", "-a "+c.Name+" ")
	}
}

func TestManWarnsOfNothing(t *testing.T) {
	man := lookup(t, "man")
	pages, err := filepath.Glob("../man/*.8")
	if err != nil || len(pages) == 0 {
		t.Fatal("no pages", err)
	}
	for _, page := range pages {
		cmd := exec.Command(man, "--warnings", "-l", page)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=200")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		text, err := cmd.Output()
		if err != nil || stderr.Len() > 0 || !bytes.Contains(text, []byte("SYNOPSIS")) {
			t.Errorf("man %s: %v: %s", page, err, stderr.Bytes())
		}
	}
}

// lookup finds a program, or skips the test.
func lookup(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// fakeRung puts a rung into PATH that only lists containers, and only those
// below the root that --root names.
func fakeRung(t *testing.T) (dir string, env []string) {
	dir = t.TempDir()
	script := "#!/bin/sh\ncase \"$*\" in 'list -q') echo one; echo two;; '--root /x list -q'|'--root=/x list -q') " +
		"echo three;; esac\n"
	if err := os.WriteFile(filepath.Join(dir, "rung"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bundles/", "config.json"} {
		path := filepath.Join(dir, name)
		var err error
		if strings.HasSuffix(name, "/") {
			err = os.Mkdir(path, 0o755)
		} else {
			err = os.WriteFile(path, nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+dir, "TERM=dumb")
}

// completions are lines, whose last word is to be completed, with what has to
// be offered and what must not be.
func completions() []struct{ line, want, not string } {
	return []struct{ line, want, not string }{
		{"rung cr", "create", "delete"},
		{"rung --debug del", "delete", "create"},
		{"rung --ro", "--root --rootless", "--log"},
		{"rung --root /x del", "delete", "create"},
		{"rung --log-format ", "text json", "table"},
		{"rung help fea", "features", "list"},
		{"rung create --pid", "--pid-file --pidfd-socket", "--bundle"},
		{"rung create --bundle ", "bundles/", "config.json"},
		{"rung create --config conf", "config.json", "bundles/"},
		{"rung create ", "", "one"},
		{"rung start ", "one two", "three"},
		{"rung start t", "two", "one"},
		{"rung delete --force ", "one two", "three"},
		{"rung --root /x state ", "three", "one"},
		{"rung kill one K", "KILL", "TERM"},
		{"rung list -f ", "table json", "text"},
		{"rung plan bun", "bundles/", "config.json"},
	}
}

func checkCompletion(t *testing.T, line, want, not string, got []string) {
	t.Helper()
	for i := range got {
		got[i], _, _ = strings.Cut(got[i], "\t")
	}
	for _, w := range strings.Fields(want) {
		if !slices.Contains(got, w) && !slices.Contains(got, strings.TrimSuffix(w, "/")) {
			t.Errorf("%q is completed with %q, which lacks %s", line, got, w)
		}
	}
	for _, w := range strings.Fields(not) {
		if slices.Contains(got, w) {
			t.Errorf("%q is completed with %q, of which %s is wrong", line, got, w)
		}
	}
}

func TestBash(t *testing.T) {
	bash := lookup(t, "bash")
	file, err := filepath.Abs("../completions/rung.bash")
	if err != nil {
		t.Fatal(err)
	}
	dir, env := fakeRung(t)
	run := func(words []string) []string {
		script := fmt.Sprintf("source %s\nCOMP_WORDS=(%s)\nCOMP_CWORD=%d\n_rung\nprintf '%%s\\n' \"${COMPREPLY[@]}\"\n",
			file, strings.Join(words, " "), len(words)-1)
		cmd := exec.Command(bash, "--norc", "-c", script)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v: %s", words, err, out)
		}
		return strings.Split(strings.TrimSpace(string(out)), "\n")
	}
	for _, c := range completions() {
		words := strings.Split(c.line, " ")
		for i, w := range words {
			words[i] = quote(w)
		}
		checkCompletion(t, c.line, c.want, c.not, run(words))
	}
	// bash cuts at "="
	for _, c := range []struct{ words, want, not string }{
		{"rung list --format = ''", "table json", "text"},
		{"rung list --format = j", "json", "table"},
		{"rung list --format =", "table json", "text"},
		{"rung --root = /x start ''", "three", "one"},
		{"rung -root /x start ''", "three", "one"},
		{"rung --root=/x start ''", "three", "one"},
		{"rung list --format=j", "json", "table"},
		{"rung --log-format = json start ''", "one two", "three"},
	} {
		checkCompletion(t, c.words, c.want, c.not, run(strings.Fields(c.words)))
	}
	if check, err := exec.LookPath("shellcheck"); err == nil {
		if out, err := exec.Command(check, "--shell=bash", file).CombinedOutput(); err != nil {
			t.Errorf("shellcheck: %v\n%s", err, out)
		}
	}
}

func TestFish(t *testing.T) {
	fish := lookup(t, "fish")
	file, err := filepath.Abs("../completions/rung.fish")
	if err != nil {
		t.Fatal(err)
	}
	dir, env := fakeRung(t)
	for _, c := range completions() {
		cmd := exec.Command(fish, "--no-config", "-c", "source "+file+"; complete -C "+fishQuote(c.line))
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v: %s", c.line, err, out)
		}
		checkCompletion(t, c.line, c.want, c.not, strings.Split(strings.TrimSpace(string(out)), "\n"))
	}
}

// zsh offers completions only on a terminal: it gets one from its own module.
func TestZsh(t *testing.T) {
	zsh := lookup(t, "zsh")
	completionDir, err := filepath.Abs("../completions")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(zsh, "-n", filepath.Join(completionDir, "_rung")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	script := filepath.Join(t.TempDir(), "complete")
	if err := os.WriteFile(script, []byte(zshComplete), 0o644); err != nil {
		t.Fatal(err)
	}
	dir, env := fakeRung(t)
	for _, c := range completions() {
		cmd := exec.Command(zsh, "-f", script, completionDir, c.line)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v: %s", c.line, err, out)
		}
		checkCompletion(t, c.line, c.want, c.not, strings.Fields(string(out)))
	}
}

// zshComplete is called with the directory of _rung and a line. It prints what
// the line's last word is completed with.
const zshComplete = `
zmodload zsh/zpty
zpty shell zsh -f -i
{
	print -r -- "fpath=(${(q)1} \$fpath)"
	print -r -- 'PROMPT= RPROMPT='
	print -r -- 'autoload -Uz compinit && compinit -u -D'
	print -r -- 'compadd() {
		if [[ "$*" == *-O\ * || "$*" == *-A\ * || "$*" == *-D\ * ]]; then builtin compadd "$@"; return; fi
		local -a hits; builtin compadd -O hits "$@"; (( $#hits )) && print -rl -- "<$^hits>" >>"$OUT"
		builtin compadd "$@"
	}'
	print -r -- "OUT=$PWD/out; : >\$OUT"
	print -r -- 'done-completing() { print -r END >>$OUT; exit }; zle -N done-completing; bindkey "^X" done-completing'
	print -r -- 'print READY >>$OUT'
} | while IFS= read -r line; do zpty -w shell "$line"; done
repeat 200; do [[ -s out ]] && break; sleep 0.05; done
: >out
zpty -w -n shell "$2"$'\t'$'\x18'
repeat 200; do zpty -r -t shell drop >/dev/null; [[ "$(<out)" == *END* ]] && break; sleep 0.05; done
zpty -d shell
sed -n 's/^<\(.*\)>$/\1/p' out
`
