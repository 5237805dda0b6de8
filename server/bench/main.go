// Command bench measures the hot paths of the server over HTTP, beside bare handlers on the same machine, drivers and
// settings, and prints what is left of the bare handlers' throughput (the floors) with the server CPU that a request takes:
//
//	make bench
//
// The server is build/portico; the bare handlers and the generator of load are this program, started again. All stay on the
// loopback interface and in a temporary directory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are the flags of the command.
type options struct {
	server      string // the program
	databases   []string
	connections []int
	duration    time.Duration // of one measurement
	rounds      int
	chains      int
	sessions    int // whose traffic the memory is measured after
	only        string
	profiles    string // directory; "" for none
	json        string // file; "" for none
	allocations bool
	check       bool
}

func main() {
	role := ""
	if len(os.Args) > 1 {
		role = os.Args[1]
	}
	var err error
	switch role {
	case roleServe:
		err = serve(os.Args[2:])
	case roleFloor:
		err = serveFloors(os.Args[2:])
	case roleLoad:
		err = generate()
	default:
		var o options
		if o, err = parse(os.Args[1:]); err == nil {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			err = run(ctx, o)
			stop()
		} else if errors.Is(err, flag.ErrHelp) {
			return
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	var databases, connections string
	var long bool
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.server, "server", filepath.Join("build", "portico"), "the `program` to measure, as make build makes it")
	flags.StringVar(&databases, "databases", "sqlite,postgres", "`names` of the databases to measure on")
	flags.StringVar(&connections, "connections", "1,16,64", "`numbers` of connections that send requests without pause")
	flags.DurationVar(&o.duration, "duration", 500*time.Millisecond, "of one measurement")
	flags.IntVar(&o.rounds, "rounds", 5, "measurements of each kind, whose median counts")
	flags.IntVar(&o.chains, "chains", 2000, "sessions whose tokens are used")
	flags.IntVar(&o.sessions, "sessions", 5000, "sessions whose traffic the memory is measured after")
	flags.BoolVar(&long, "long", false, "measure the memory after 100,000 sessions")
	flags.StringVar(&o.only, "only", "", "measure only scenarios whose name contains this `text`, and their floors")
	flags.StringVar(&o.profiles, "profiles", "", "write CPU profiles of the scenarios and the heap into this `directory`; the server is then built in")
	flags.StringVar(&o.json, "json", "", "write the results into this `file` too")
	flags.BoolVar(&o.allocations, "allocations", true, "run the Go benchmarks for allocations per request")
	flags.BoolVar(&o.check, "check", false, "fail if a target is missed")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if long {
		o.sessions = 100_000
	}
	o.databases = strings.Split(databases, ",")
	for _, name := range o.databases {
		if name != sqlite && name != postgres {
			return o, fmt.Errorf("-databases: %q is neither %s nor %s", name, sqlite, postgres)
		}
	}
	for text := range strings.SplitSeq(connections, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1024 {
			return o, fmt.Errorf("-connections: %q is not a number from 1 to 1024", text)
		}
		o.connections = append(o.connections, n)
		o.chains = max(o.chains, n)
	}
	if o.rounds < 1 || o.duration < 10*time.Millisecond || flags.NArg() > 0 {
		return o, errors.New("usage: bench [flags]; -rounds is at least 1, -duration at least 10ms")
	}
	return o, nil
}
