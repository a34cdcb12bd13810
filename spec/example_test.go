package spec_test

import (
	"fmt"
	"log"

	"github.com/rung-oci/rung/spec"
)

// A configuration is read and judged in two steps: Load says which properties the specification
// does not know, Validate what is wrong with those that it knows. Both name the property.
func Example() {
	s, unknown, err := spec.Load([]byte(`{
		"ociVersion": "1.3.0",
		"root": {"path": "rootfs", "readOnly": true},
		"process": {"args": ["sh"], "cwd": "tmp"}
	}`))
	if err != nil {
		log.Fatal(err)
	}
	for _, u := range unknown {
		fmt.Println("unknown:", u)
	}
	fmt.Println(spec.Validate(s))
	// Output:
	// unknown: root.readOnly: unknown property, did you mean readonly?
	// process.cwd: "tmp" is not an absolute path
}
