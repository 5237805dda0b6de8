// Command portico runs Portico and works on its database. Here are the commands with their flags and exit codes; what they do
// is in the domain.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ccojocar/zxcvbn-go/frequency"

	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/keys"
)

// version is set by -ldflags "-X main.version=…".
var version = "dev"

// Exit codes.
const (
	exitFailed = 1 // the command was understood, and failed
	exitUsage  = 2 // it was not
)

func main() {
	clear(frequency.Lists) // zxcvbn has made its dictionaries of them and never looks at them again: 3 MB of what a server holds
	c := &cli{
		version: version, environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, started: time.Now(),
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process as it would without us
	os.Exit(c.run(ctx, os.Args[1:]))
}

// cli is one call of the program.
type cli struct {
	version        string
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer
	started        time.Time

	config      string // --config
	json        bool   // --json
	environment string // --environment
}

// failure is the error of a command that was understood. Any other that cobra returns is one of usage.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// errSilent fails a command that has said why.
var errSilent = errors.New("")

// run returns the exit code.
func (c *cli) run(ctx context.Context, args []string) int {
	root := c.root()
	root.SetArgs(args)
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if failed := (failure{}); errors.As(err, &failed) {
		for _, line := range explain(failed.error) {
			fmt.Fprintln(c.stderr, "portico: "+line)
		}
		return exitFailed
	}
	fmt.Fprintf(c.stderr, "portico: %v\nTry: %s --help\n", err, command.CommandPath())
	return exitUsage
}

// explain tells an error to whoever typed the command, a line for each of several that are joined: of a fault its field and
// message, of anything else all there is.
func explain(err error) []string {
	if errors.Is(err, errSilent) {
		return nil
	}
	if several := joined(err); several != nil {
		var lines []string
		for _, one := range several {
			lines = append(lines, explain(one)...)
		}
		return lines
	}
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind == fault.Internal {
		lines := []string{err.Error()}
		if remedy := mend(err); remedy != "" {
			lines = append(lines, remedy)
		}
		return lines
	}
	if f.Field == "" {
		return []string{f.Message}
	}
	return []string{f.Field + ": " + f.Message}
}

// mend says what to do about an error that can't say so itself, as it doesn't know the configuration; "" for any other.
func mend(err error) string {
	var network *net.OpError
	switch {
	case errors.Is(err, keys.ErrNoEncryptionKey):
		return "the database was made with another secret; give that one as secret, or in previous_secrets"
	case errors.As(err, &network) && network.Op == "dial", errors.As(err, new(*net.DNSError)): // no command calls anybody else
		return "start the database, or set database.url to where it is"
	}
	return ""
}

// joined returns the errors that errors.Join put together at the end of the chain of err, if any of them is a fault.
func joined(err error) []error {
	for ; err != nil; err = errors.Unwrap(err) {
		if _, ok := err.(*fault.Error); ok {
			return nil
		}
		if several, ok := err.(interface{ Unwrap() []error }); ok && errors.As(err, new(*fault.Error)) {
			return several.Unwrap()
		}
	}
	return nil
}
