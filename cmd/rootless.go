package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rung-oci/rung/libcontainer/store"
	"github.com/rung-oci/rung/libcontainer/userns"
)

// store returns the store that --root names, or the default one of the user.
func (g *globalFlags) store() (store.Store, error) {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); g.root == "" && dir != "" && ownsRuntimeDir() {
		return store.NewDefault(filepath.Join(dir, "rung"))
	}
	return store.New(g.root)
}

// ownsRuntimeDir reports whether containers are below XDG_RUNTIME_DIR, as with runc: those of a
// user, also where that is root of a user namespace (rootless podman, buildkit). A container's
// root has such a variable, too, but then is called root, and its containers are the container's.
func ownsRuntimeDir() bool {
	return os.Geteuid() != 0 || !userns.Initial() && os.Getenv("USER") != "root"
}

// parseRootless takes the spellings that runc takes; auto is nil.
func parseRootless(text string) (*bool, error) {
	if text == "" || strings.EqualFold(text, "auto") {
		return nil, nil
	}
	b, err := strconv.ParseBool(text)
	if err != nil {
		return nil, fmt.Errorf("--rootless: %q is none of true, false, auto", text)
	}
	return &b, nil
}
