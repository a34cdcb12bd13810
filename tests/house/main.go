// Command house holds the repository to the limits of its code, and prints what is
// over them: a file is read in one sitting, a function is seen at once, and a line
// without scrolling.
//
//	go run ./tests/house [DIR]
//
// Generated files and what is below testdata are exempt. Exit status 1 when anything
// is over a limit.
package main

import (
	"fmt"
	"os"
)

func main() {
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	findings, err := house{os.DirFS(dir)}.check()
	if err != nil {
		fmt.Fprintln(os.Stderr, "house:", err)
		os.Exit(1)
	}
	for _, finding := range findings {
		fmt.Println(finding)
	}
	if len(findings) > 0 {
		os.Exit(1)
	}
}
