package spec

import (
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// NewerMinor reports whether version is a valid version of the specification
// with a newer minor number than the one this package knows. Such a config is
// valid, but can contain properties that are unknown here.
func NewerMinor(version string) bool {
	major, minor, ok := parseVersion(version)
	return ok && major == specs.VersionMajor && minor > specs.VersionMinor
}

// parseVersion returns the major and minor number of a version in the format of
// Semantic Versioning 2.0.0 (semver.org).
func parseVersion(version string) (major, minor uint64, ok bool) {
	rest, build, hasBuild := strings.Cut(version, "+")
	if hasBuild && !identifiers(build, false) {
		return 0, 0, false
	}
	core, release, hasRelease := strings.Cut(rest, "-")
	if hasRelease && !identifiers(release, true) {
		return 0, 0, false
	}
	numbers := strings.Split(core, ".")
	if len(numbers) != 3 || !identifiers(core, true) {
		return 0, 0, false
	}
	var parsed [3]uint64
	for i, s := range numbers {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return 0, 0, false
		}
		parsed[i] = n
	}
	return parsed[0], parsed[1], true
}

// identifiers reports whether s is a list of SemVer identifiers separated by
// dots. If strict, numbers must not start with a superfluous zero.
func identifiers(s string, strict bool) bool {
	for id := range strings.SplitSeq(s, ".") {
		number := true
		for _, c := range []byte(id) {
			digit := '0' <= c && c <= '9'
			if !digit && c != '-' && (c|' ' < 'a' || 'z' < c|' ') {
				return false
			}
			number = number && digit
		}
		if id == "" || strict && number && len(id) > 1 && id[0] == '0' {
			return false
		}
	}
	return true
}
