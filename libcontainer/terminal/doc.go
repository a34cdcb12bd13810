// Package terminal serves a container's terminal from outside: it hands the
// master of the pseudoterminal to whoever asked for it, or connects it to the
// terminal of the user. The pseudoterminal itself is made inside the container.
package terminal
