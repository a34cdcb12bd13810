package birth

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// checkMapped refuses ids that a new user namespace will not have: the kernel would with
// EINVAL, which does not tell which id it is.
func (c *compiler) checkMapped() error {
	if !c.newUser {
		return nil
	}
	users, groups := c.hasLinux.UIDMappings, c.hasLinux.GIDMappings
	user := c.proc.User
	if err := checkID("process.user.uid", "linux.uidMappings", users, user.UID); err != nil {
		return err
	}
	if err := checkID("process.user.gid", "linux.gidMappings", groups, user.GID); err != nil {
		return err
	}
	for i, gid := range user.AdditionalGids {
		property := fmt.Sprintf("process.user.additionalGids[%d]", i)
		if err := checkID(property, "linux.gidMappings", groups, gid); err != nil && !c.in.Host.Lacks.Groups {
			return err
		}
	}
	for _, m := range c.in.Mounts {
		if err := checkOwner(&m, users, groups); err != nil {
			return m.wrap(err)
		}
	}
	return nil
}

// checkOwner judges the options of a filesystem that say whose its files are.
func checkOwner(m *Mount, users, groups []specs.LinuxIDMapping) error {
	if m.Kind != FilesystemMount || m.Type != "devpts" && m.Type != "tmpfs" {
		return nil
	}
	for _, option := range m.Data {
		key, value, _ := strings.Cut(option, "=")
		id, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			continue // which the kernel judges
		}
		switch key {
		case "uid":
			err = checkID("option "+option, "linux.uidMappings", users, uint32(id))
		case "gid":
			err = checkID("option "+option, "linux.gidMappings", groups, uint32(id))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func checkID(what, property string, mappings []specs.LinuxIDMapping, id uint32) error {
	if _, is := mapped(mappings, id); is || len(mappings) == 0 { // then the kernel judges
		return nil
	}
	var have []string
	for _, m := range mappings {
		if m.Size == 1 {
			have = append(have, strconv.FormatUint(uint64(m.ContainerID), 10))
		} else {
			have = append(have, fmt.Sprintf("%d-%d", m.ContainerID, uint64(m.ContainerID)+uint64(m.Size)-1))
		}
	}
	return fmt.Errorf("%s: %d is not mapped: %s has %s", what, id, property, strings.Join(have, ", "))
}
