package criu

import "os"

// ConfigAnnotation names a file of the host with more options for CRIU, which
// may be programs to run: an engine must not take it from an image.
const ConfigAnnotation = "org.criu.config"

// ConfigFile is the file with more options for CRIU (criu(8), Configuration
// files): the one that the annotation names, which names none if it is empty, or
// else the machine's for container runtimes.
func ConfigFile(annotations map[string]string) string {
	if name, ok := annotations[ConfigAnnotation]; ok {
		return name
	}
	for _, name := range [...]string{"/etc/criu/rung.conf", "/etc/criu/runc.conf"} {
		if _, err := os.Stat(name); err == nil {
			return name
		}
	}
	return ""
}
