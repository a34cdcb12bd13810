package executable

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// headSize is how much of a file the kernel looks at to tell its format
// (BINPRM_BUF_SIZE in include/uapi/linux/binfmts.h).
const headSize = 256

// maxScripts is how many scripts may be the interpreter of one another
// (exec_binprm in fs/exec.c).
const maxScripts = 5

// Inspect looks into a file that Find returned and says whether the kernel can
// execute it: whether its format is known, the machine right, and whether its
// interpreter or its loader are there. It returns nil, also when the file cannot
// be read, ErrBehindMount or an *Error.
func (f *Finder) Inspect(args0 string) error {
	name := args0
	for scripts := 0; ; scripts++ {
		interpreter, err := f.inspect(args0, name)
		if err != nil || interpreter == "" {
			return err
		}
		if scripts == maxScripts {
			return &Error{Args0: args0, Path: name, Errno: unix.ELOOP, Reason: unix.ELOOP.Error(),
				Hint: "scripts are the interpreters of scripts, more than five deep"}
		}
		name = interpreter
	}
}

// inspect looks at one file and returns the interpreter of a script.
func (f *Finder) inspect(args0, name string) (interpreter string, err error) {
	path := name
	if name == f.found { // the links on the way have been followed
		path = f.foundAt
	}
	at, err := f.walk(path)
	if err != nil {
		return "", f.explain(args0, name, err)
	}
	defer unix.Close(at.fd)
	fd, err := kernel.ReopenRegular(at.fd)
	if err != nil {
		return "", nil // executable without being readable
	}
	defer unix.Close(fd)
	head := make([]byte, headSize)
	n, err := unix.Pread(fd, head, 0)
	if err != nil {
		return "", nil
	}
	head = head[:n]

	var wrong, hint string
	switch {
	case len(head) == 0:
		wrong = "the file is empty"
	case bytes.HasPrefix(head, []byte("#!")):
		if interpreter = shebang(head); interpreter != "" {
			return interpreter, f.checkInterpreter(args0, name, interpreter)
		}
		wrong = "its #! line names no interpreter, or is too long"
	case bytes.HasPrefix(head, []byte(unix.ELFMAG)):
		header, problem := parseELF(head)
		if problem == "" {
			return "", f.checkLoader(args0, name, header.loader(fd))
		}
		wrong = problem
		if !runs(runtime.GOARCH, header) {
			hint = fmt.Sprintf("take an image for %s, or install an emulator (Debian: qemu-user-static with "+
				"binfmt-support)", machineName(runtime.GOARCH))
		}
	default:
		wrong = "it is neither an ELF program nor a script that begins with #!"
		hint = "a script needs a first line that names its interpreter, such as #!/bin/sh"
	}
	if registered(binfmtMisc, head, name) {
		return "", nil
	}
	return "", formatError(args0, name, wrong, hint)
}

// formatError is ENOEXEC. What is wrong is told in the text: the errno alone
// has puzzled many.
func formatError(args0, name, wrong, hint string) error {
	reason := fmt.Sprintf("%v: %s", unix.ENOEXEC, wrong)
	if name != args0 {
		reason = fmt.Sprintf("interpreter %q: %s", name, reason)
	}
	return &Error{Args0: args0, Path: name, Errno: unix.ENOEXEC, Reason: reason, Hint: hint}
}

// shebang returns the interpreter in the first line of a script, or "" where
// the kernel finds none (load_script in fs/binfmt_script.c).
func shebang(head []byte) string {
	line, _, ended := bytes.Cut(head[len("#!"):], []byte("\n"))
	ended = ended || len(head) < headSize
	line = bytes.TrimLeft(line, " \t")
	end := bytes.IndexAny(line, " \t\x00")
	if end < 0 {
		if !ended { // the name may have been cut off
			return ""
		}
		end = len(line)
	}
	return string(line[:end])
}

// checkInterpreter says whether the interpreter of a script can be executed.
func (f *Finder) checkInterpreter(args0, script, interpreter string) error {
	err := f.dependency(args0, "interpreter", interpreter)
	if e, ok := errors.AsType[*Error](err); ok {
		e.Hint = fmt.Sprintf("the first line of %s names it", script)
		if strings.HasSuffix(interpreter, "\r") {
			e.Hint = fmt.Sprintf("the lines of %s end in CR LF, as on Windows, and the CR belongs to the name; "+
				"convert the file to LF", script)
		}
	}
	return err
}

// checkLoader says whether the loader of an ELF program can be executed; "" is
// that of a static program.
func (f *Finder) checkLoader(args0, program, loader string) error {
	if loader == "" {
		return nil
	}
	err := f.dependency(args0, "loader", loader)
	if e, ok := errors.AsType[*Error](err); ok {
		e.Hint = fmt.Sprintf("%s is dynamically linked and needs it", program)
		switch {
		case strings.Contains(loader, "/ld-musl-"):
			e.Hint += "; it was built for musl (Alpine)"
		case strings.Contains(loader, "/ld-linux"):
			e.Hint += "; it was built for glibc"
		}
	}
	return err
}

// dependency checks a file that the kernel opens on behalf of another. The
// kernel knows no EISDIR here.
func (f *Finder) dependency(args0, role, name string) error {
	err := f.check(name)
	errno, ok := errors.AsType[unix.Errno](err)
	if !ok || errors.Is(err, ErrBehindMount) {
		return err
	}
	if errno == unix.EISDIR {
		errno = unix.EACCES
	}
	return &Error{Args0: args0, Path: name, Errno: errno, Reason: fmt.Sprintf("%s %q: %v", role, name, errno)}
}
