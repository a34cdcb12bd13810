package kernel

import "fmt"

// Failed is the error of a call with what that was for, or nil where there is none:
//
//	return kernel.Failed("setting the time", unix.Settimeofday(&now))
func Failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
