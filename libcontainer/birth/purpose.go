package birth

import "github.com/rung-oci/rung/nsenter"

// The kinds of steps whose failures are told in other words than those of the rest.
// Their numbers stand in the state directories of containers: new ones come last.
const (
	KindBind         nsenter.Kind = 1 + iota // mounting one file or directory on another
	KindNotInPath                            // looking for the program in $PATH: the label says what is wrong
	KindNoExecutable                         // looking for the program: the label and the errno say it
	KindHostNode                             // taking the host's node of a device
	KindProcfs                               // mounting a procfs
)

// PropertyOOMScoreAdj is the property of the steps that set it.
const PropertyOOMScoreAdj = "process.oomScoreAdj"

// PropertyRootPath is the property of the steps that mount the root filesystem.
const PropertyRootPath = "root.path"

// about begins the steps that a property of config.json asks for.
func (c *compiler) about(property, label string) {
	c.Label(label)
	c.Property(property)
}
