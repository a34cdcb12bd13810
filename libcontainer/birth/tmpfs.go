package birth

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rung-oci/rung/nsenter"
)

// newTmpfs makes a detached tmpfs of the program's own.
func (c *compiler) newTmpfs(into nsenter.Cell, attributes uint64) {
	c.Fsopen("tmpfs").Into(c.fs)
	c.setOptions([]string{"mode=0755"})
	c.createFilesystem(attributes, into)
}

// fillTmpfs gives a tmpfs what it is to have of the directory that it will cover, if the
// image has that: one that had to be made says nothing, and a tmpfs is 1777 then, like everywhere.
func (c *compiler) fillTmpfs(m mount) error {
	if !hasKey(m.Data, "mode") {
		c.copyMode(m)
	}
	if m.TmpCopyUp {
		return c.copyUp(m)
	}
	return nil
}

func hasKey(options []string, key string) bool {
	return slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(o, key+"=") })
}

// copyMode gives the root of a tmpfs the mode of the directory that it will cover.
func (c *compiler) copyMode(m mount) {
	c.Statx(nsenter.Value(m.target), "", c.stat)
	c.Fchmodat(nsenter.Value(m.tree), ".", c.stat.Mode())
}

// copyUp has the launcher copy the content of the directory that a tmpfs will cover,
// and with it the owner and the mode, unless options say those.
func (c *compiler) copyUp(m mount) error {
	c.sync(TagCopyUp, m.target, m.tree)
	uid, gid, mode := -1, -1, -1
	for _, option := range m.Data {
		key, value, _ := strings.Cut(option, "=")
		var err error
		switch key {
		case "uid":
			uid, err = parseNumber(value, 10)
		case "gid":
			gid, err = parseNumber(value, 10)
		case "mode":
			mode, err = parseNumber(value, 8)
		}
		if err != nil {
			return fmt.Errorf("option %s: %w", option, err)
		}
	}
	if uid >= 0 || gid >= 0 {
		c.Fchownat(nsenter.Value(m.tree), ".", uid, gid, 0)
	}
	if mode >= 0 {
		c.Fchmodat(nsenter.Value(m.tree), ".", nsenter.Int(mode))
	}
	return nil
}

func parseNumber(s string, base int) (int, error) {
	n, err := strconv.ParseUint(s, base, 32)
	return int(n), err
}
