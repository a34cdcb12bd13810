// Package logs writes what a command has to tell: errors for its caller, and
// warnings and the course of things for whoever looks for a reason.
//
// A message is one line, written with one write(2) to a file opened for
// appending, so that any number of processes can share a log. Lines are JSON
// objects or logfmt, in the form that clients of OCI runtimes read: the keys
// level, msg and time (RFC 3339, seconds, UTC), and after these the message's
// fields. Who sits before a terminal is told in plain words instead, with a line
// "hint: …" below where the way out is known.
package logs

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Level says how much a message matters. A lower one matters more.
type Level uint8

const (
	LevelError Level = iota
	LevelWarning
	LevelInfo
	LevelDebug
)

var levelNames = [...]string{LevelError: "error", LevelWarning: "warning", LevelInfo: "info", LevelDebug: "debug"}

func (l Level) String() string { return levelNames[min(l, LevelDebug)] }

// ParseLevel returns the level of that name, "warn" being "warning" too.
func ParseLevel(name string) (Level, error) {
	if name == "warn" {
		return LevelWarning, nil
	}
	level := slices.Index(levelNames[:], name)
	if level < 0 {
		return 0, fmt.Errorf("log level %q is none of %s", name, strings.Join(levelNames[:], ", "))
	}
	return Level(level), nil
}

// A Format is how a line is written.
type Format uint8

const (
	Text Format = iota // logfmt: time="…" level=error msg="…"
	JSON               // {"level":"error","msg":"…","time":"…"}
)

// ParseFormat returns the format of that name.
func ParseFormat(name string) (Format, error) {
	switch name {
	case "text":
		return Text, nil
	case "json":
		return JSON, nil
	}
	return 0, fmt.Errorf("log format %q is neither text nor json", name)
}

// A Logger writes messages to a log. Its methods may be called concurrently.
// The zero Logger drops everything.
type Logger struct {
	out    io.Writer
	stderr io.Writer // a second place for errors; nil if out is stderr already
	format Format
	level  Level
	path   string // of the log, "" if it is stderr
}

// New returns a logger that writes messages of level, and of those that
// matter more, to stderr.
func New(format Format, level Level) *Logger {
	return &Logger{out: os.Stderr, format: format, level: level}
}

// Open returns a logger that writes to the file at path, which is created if
// it does not exist. Errors are written to stderr besides, as plain text.
func Open(path string, format Format, level Level) (*Logger, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_SYNC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	return &Logger{out: f, stderr: os.Stderr, format: format, level: level, path: path}, nil
}

// Error logs an error with its fields, see FieldsOf, and tells the user. A
// program that reads stderr gets the message as a line, a terminal the hint
// besides, and where the log is.
func (l *Logger) Error(err error) {
	fields := FieldsOf(err)
	l.Log(LevelError, err.Error(), fields...)
	switch {
	case l.stderr == nil:
	case isTerminal(l.stderr):
		path, absErr := filepath.Abs(l.path)
		if absErr != nil {
			path = l.path
		}
		fields = append(fields, Field{"hint", "the full log is in " + path})
		l.stderr.Write(appendPlain(nil, LevelError, err.Error(), fields))
	default:
		l.stderr.Write(append(appendShown(nil, err.Error(), escaped), '\n'))
	}
}

// Warnf logs a warning.
func (l *Logger) Warnf(format string, args ...any) { l.logf(LevelWarning, format, args) }

// Infof logs what is worth knowing.
func (l *Logger) Infof(format string, args ...any) { l.logf(LevelInfo, format, args) }

// Debugf logs what helps to find out why.
func (l *Logger) Debugf(format string, args ...any) { l.logf(LevelDebug, format, args) }

func (l *Logger) logf(level Level, format string, args []any) {
	if l.Enabled(level) {
		l.Log(level, fmt.Sprintf(format, args...))
	}
}

// Enabled reports whether messages of a level are written.
func (l *Logger) Enabled(level Level) bool { return l.out != nil && level <= l.level }

// Log logs a message with these fields. There is no one to tell when the log
// cannot be written.
func (l *Logger) Log(level Level, msg string, fields ...Field) {
	if !l.Enabled(level) {
		return
	}
	now := time.Now().UTC().Format(time.RFC3339)
	line := make([]byte, 0, 256)
	switch {
	case l.format == JSON:
		line = appendJSON(line, level, msg, now, fields)
	case l.path == "" && isTerminal(l.out):
		line = appendPlain(line, level, msg, fields)
	default:
		line = appendText(line, level, msg, now, fields)
	}
	l.out.Write(line)
}

// isTerminal reports whether people read what is written there.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
