package cmd

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/urfave/cli/v2"
)

// regexFlag is crun's flag for commands on several containers.
func regexFlag(regex *bool) cli.Flag {
	return boolFlag("regex, r", regex, "ID is a regular expression: do so to all containers that it matches")
}

// each does something to a container, or to each whose ID a regular expression matches, also
// after an error. There may be none.
func (a *App) each(id string, regex bool, do func(id string) error) error {
	if !regex {
		return do(id)
	}
	pattern, err := regexp.Compile(id)
	if err != nil {
		return fmt.Errorf("--regex: %w", err)
	}
	containers, err := a.runtime.List()
	if err != nil {
		return err
	}
	var failed []error
	for _, c := range containers {
		if !pattern.MatchString(c.ID) {
			continue
		}
		if err := do(c.ID); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", c.ID, err))
		}
	}
	return errors.Join(failed...)
}
