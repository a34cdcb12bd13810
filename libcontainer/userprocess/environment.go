package userprocess

import "strings"

// LastOfEach is an environment in which each name occurs once, in its first place
// and with its last value, as setenv(3) would have left it: of a name that occurs
// twice getenv(3) finds the first, but a shell takes the last.
func LastOfEach(env []string) []string {
	place := make(map[string]int, len(env))
	list := make([]string, 0, len(env)+1) // HOME may follow
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		if i, ok := place[name]; ok {
			list[i] = e
			continue
		}
		place[name] = len(list)
		list = append(list, e)
	}
	return list
}

// Getenv is the value of the last entry for a key, as execvp(3) and shells see it.
func Getenv(env []string, key string) (value string) {
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, key+"="); ok {
			value = v
		}
	}
	return value
}
