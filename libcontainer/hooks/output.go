package hooks

import (
	"bytes"
	"strings"
)

const (
	maxLine  = 4096 // a longer line is logged in pieces
	keptText = 1024 // of the end of the output, for the error
)

// output takes what a hook writes, passes it on line by line, and keeps the
// end of it.
type output struct {
	log  func(line string)
	part []byte // of a line that has not ended
	kept []byte // at most twice keptText
}

func (o *output) Write(p []byte) (int, error) {
	o.kept = append(o.kept, p...)
	if n := len(o.kept) - keptText; n > keptText {
		o.kept = append(o.kept[:0], o.kept[n:]...)
	}
	o.part = append(o.part, p...)
	for {
		n := bytes.IndexByte(o.part, '\n')
		if n < 0 && len(o.part) < maxLine {
			return len(p), nil
		}
		if n < 0 || n > maxLine {
			o.log(string(o.part[:maxLine]))
			o.part = o.part[maxLine:]
			continue
		}
		o.log(string(o.part[:n]))
		o.part = o.part[n+1:]
	}
}

// end passes on a last line that has no newline.
func (o *output) end() {
	if len(o.part) > 0 {
		o.log(string(o.part))
		o.part = nil
	}
}

// last returns the end of the output, whole lines if there are any.
func (o *output) last() string {
	s := o.kept
	if n := len(s) - keptText; n > 0 {
		s = s[n:]
		if i := bytes.IndexByte(s, '\n'); 0 <= i && i < len(s)-1 {
			s = s[i+1:]
		}
	}
	return strings.TrimSpace(string(s))
}
