package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portico-id/portico/storage/storagetest"
)

// bench is one run of the program.
type bench struct {
	options
	dir    string
	load   *process
	cells  map[cell][]measurement // by round
	report report
}

// cell is what is measured as often as there are rounds.
type cell struct {
	database, scenario string
	connections        int
}

type measurement struct {
	measured
	cpu time.Duration // of the server, for all requests
}

func (m *measurement) perSecond() float64 { return float64(m.Requests) / m.Elapsed.Seconds() }

// cpuOfOne is the server CPU of a request in milliseconds.
func (m *measurement) cpuOfOne() float64 { return milliseconds(m.cpu) / float64(m.Requests) }

func run(ctx context.Context, o options) (err error) {
	b := &bench{options: o, cells: map[cell][]measurement{}}
	binary, err := os.Stat(b.server)
	if err != nil {
		return fmt.Errorf("-server: %w; make build makes it", err)
	}
	b.report.Binary = binary.Size()
	if b.dir, err = os.MkdirTemp("", "portico-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.profiles != "" {
		if err := os.MkdirAll(b.profiles, 0o755); err != nil {
			return err
		}
	}
	if b.load, err = start(roleLoad); err != nil {
		return err
	}
	defer b.load.stop()
	for i, name := range b.databases {
		if err := b.database(ctx, name, i == 0); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if b.only == "" {
		if err := b.memory(ctx); err != nil {
			return fmt.Errorf("memory: %w", err)
		}
	}
	b.summarize()
	if b.allocations {
		if err := b.countAllocations(ctx); err != nil {
			return fmt.Errorf("allocations: %w", err)
		}
	}
	b.report.print(os.Stdout)
	if b.json != "" {
		text, err := json.MarshalIndent(&b.report, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(b.json, append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	if missed := b.report.missed(); b.check && len(missed) > 0 {
		return fmt.Errorf("%d targets are missed", len(missed))
	}
	return nil
}

// database measures on one database; on the first also what asks none.
func (b *bench) database(ctx context.Context, name string, first bool) (err error) {
	dir := filepath.Join(b.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	serverURL, floorURL := "sqlite:"+filepath.Join(dir, "portico.db"), "sqlite:"+filepath.Join(dir, "floor.db")
	if name == postgres {
		cluster, err := storagetest.NewCluster(true)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, cluster.Close()) }()
		serverURL, floorURL = cluster.URL("portico"), cluster.URL("floor")
		if err := createDatabases(ctx, cluster.URL("postgres"), "portico", "floor"); err != nil {
			return err
		}
	}
	progress("%s: making %d sessions", name, b.chains)
	server, took, err := b.startServer(ctx, dir, serverURL)
	if err != nil {
		return err
	}
	b.report.Ready = append(b.report.Ready, startTime{Database: name, New: true, Seconds: took.Seconds()})
	if err := server.stop(); err != nil {
		return err
	}
	if server, took, err = b.startServer(ctx, dir, serverURL); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	b.report.Ready = append(b.report.Ready, startTime{Database: name, Seconds: took.Seconds()})
	if err := b.introduce(ctx, server, "server "+name, b.chains, 2); err != nil {
		return err
	}
	floor, err := start(roleFloor, "-database", floorURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, floor.stop()) }()
	var address string
	if err := floor.read(&address); err != nil {
		return err
	}
	if err := b.ask(order{Target: "floor " + name, Address: address}, nil); err != nil {
		return err
	}
	return b.measure(ctx, name, first, server, floor)
}

func createDatabases(ctx context.Context, admin string, names ...string) error {
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err = conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
			break
		}
	}
	return errors.Join(err, conn.Close(ctx))
}

// introduce makes the server known to the generator as the target, with applications of its own and browsers that are
// signed in, and lets each browser get tokens of the first applications.
func (b *bench) introduce(ctx context.Context, s *served, target string, browsers, applications int) (err error) {
	o := order{Target: target, Address: s.address, Applications: applications}
	if o.Registrations, o.Cookies, err = introduce(ctx, s.environ, browsers); err != nil {
		return err
	}
	return b.ask(o, nil)
}

// ask gives the generator an order.
func (b *bench) ask(o order, into *measured) error {
	var m measured
	if err := b.load.call(o, &m); err != nil {
		return err
	}
	if m.Error != "" {
		return fmt.Errorf("%s: %s", strings.TrimSpace(o.Kind+" at "+o.Target), m.Error)
	}
	if into != nil {
		*into = m
	}
	return nil
}

// selected reports whether the scenario is one of those asked for, or the floor of one.
func (b *bench) selected(s *scenario) bool {
	if s.floor != "" {
		return strings.Contains(s.name, b.only)
	}
	return slices.ContainsFunc(scenarios, func(of scenario) bool { return of.floor == s.name && strings.Contains(of.name, b.only) }) || b.only == ""
}

// measure goes round all scenarios as often as there are rounds, so that what else the machine does meets all alike.
func (b *bench) measure(ctx context.Context, name string, first bool, server *served, floor *process) error {
	for round := -1; round < b.rounds; round++ { // the first only warms up
		for _, connections := range b.connections {
			if round < 0 && connections != b.connections[len(b.connections)-1] {
				continue
			}
			progress("%s: round %d of %d, %d connections", name, max(round+1, 0), b.rounds, connections)
			for i := range scenarios {
				s := &scenarios[i]
				if !b.selected(s) || !first && !s.data {
					continue
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				o := order{Target: "floor " + name, Kind: s.name, Connections: connections, Duration: b.duration}
				under := floor
				if s.server {
					o.Target, under = "server "+name, &server.process
				}
				if round < 0 {
					o.Duration = min(b.duration, 300*time.Millisecond)
				}
				end := func() error { return nil }
				if s.server && b.profiles != "" && round == b.rounds-1 {
					file := fmt.Sprintf("%s-%d-%s.pprof", name, connections, strings.NewReplacer(" ", "_", ",", "").Replace(s.name))
					end = server.profile(b.duration, filepath.Join(b.profiles, file))
				}
				before, err := under.cpu()
				if err != nil {
					return err
				}
				var m measurement
				if err := errors.Join(b.ask(o, &m.measured), end()); err != nil {
					return err
				}
				after, err := under.cpu()
				if err != nil {
					return err
				}
				if m.cpu = after - before; round >= 0 && m.Requests > 0 {
					at := cell{name, s.name, connections}
					b.cells[at] = append(b.cells[at], m)
				}
			}
		}
	}
	return nil
}

// memory measures the memory of a server on SQLite after the traffic of many sessions.
func (b *bench) memory(ctx context.Context) (err error) {
	dir := filepath.Join(b.dir, "memory")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	s, _, err := b.startServer(ctx, dir, "sqlite:"+filepath.Join(dir, "portico.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	const batch = 5000
	for made := 0; made < b.sessions; made += batch {
		n := min(batch, b.sessions-made)
		progress("memory: %d of %d sessions", made, b.sessions)
		if err := b.introduce(ctx, s, "memory", n, 1); err != nil {
			return err
		}
		for _, kind := range []string{"introspection", "userinfo", "refresh, ES256 ID token"} {
			connections := min(16, n)
			if err := b.ask(order{Target: "memory", Kind: kind, Connections: connections, Requests: n / connections}, nil); err != nil {
				return err
			}
		}
	}
	b.report.Sessions = b.sessions
	if b.report.Resident, err = s.resident(); err == nil && s.profiles != "" {
		err = s.fetch("/heap", filepath.Join(b.profiles, "memory.pprof"))
	}
	return err
}

var benchmarkLine = regexp.MustCompile(`(?m)^BenchmarkRequest/(\w+?)(?:-\d+)?\s.*\s(\d+) allocs/op`)

// countAllocations runs the Go benchmarks of the endpoints.
func (b *bench) countAllocations(ctx context.Context) error {
	progress("allocations: the Go benchmarks")
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkRequest$", "-benchmem", "-benchtime", "200ms", "./provider")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, out.Bytes())
	}
	counts := map[string]int{}
	for _, found := range benchmarkLine.FindAllStringSubmatch(out.String(), -1) {
		counts[found[1]], _ = strconv.Atoi(found[2])
	}
	for i := range b.report.Rows {
		b.report.Rows[i].Allocations = counts[b.report.Rows[i].of.measure]
	}
	return nil
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}
