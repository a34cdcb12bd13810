package terminal

import "errors"

// Check returns an error unless a console socket is given exactly when there
// is a terminal that nobody in this process would serve. The words are those
// that users of other runtimes know.
func Check(terminal, detach bool, consoleSocket string) error {
	if terminal && detach && consoleSocket == "" {
		return errors.New("cannot allocate tty if runc will detach without setting console socket")
	}
	if !(terminal && detach) && consoleSocket != "" {
		return errors.New("cannot use console socket if runc will not detach or allocate tty")
	}
	return nil
}
