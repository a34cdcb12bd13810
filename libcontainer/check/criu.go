package check

import (
	"cmp"
	"strings"
)

func (m *Machine) criu() []Finding {
	program := cmp.Or(m.CRIU, "criu")
	version, err := m.Command(program, "--version")
	if err != nil && version == "" {
		return []Finding{no("CRIU", err.Error(), "checkpoint and restore need it: install criu 4 or newer")}
	}
	if _, after, is := strings.Cut(version, "Version: "); is {
		version, _, _ = strings.Cut(after, "\n")
	}
	if err != nil {
		return []Finding{no("CRIU", lastLine(version), "criu cannot be started: install one that fits the machine")}
	}
	if text, err := m.Command(program, "check"); err != nil {
		return []Finding{no("CRIU", version+": "+lastLine(cmp.Or(text, err.Error())),
			"containers cannot be checkpointed: criu check says why; a newer criu may fit this kernel")}
	}
	return []Finding{ok("CRIU", version+", criu check is content")}
}

func lastLine(text string) string { return text[strings.LastIndexByte(text, '\n')+1:] }
