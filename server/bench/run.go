package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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

func run(o options) (err error) {
	b := &bench{options: o, cells: map[cell][]measurement{}}
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
		if err := b.database(name, i == 0); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if b.only == "" {
		if err := b.footprint(); err != nil {
			return fmt.Errorf("footprint: %w", err)
		}
	}
	b.summarize()
	if b.allocations {
		if err := b.countAllocations(); err != nil {
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
func (b *bench) database(name string, first bool) (err error) {
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
		if err := createDatabases(cluster.URL("postgres"), "portico", "floor"); err != nil {
			return err
		}
	}
	progress("%s: making %d sessions", name, b.chains)
	server, err := b.startServer(name, dir, serverURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	if err := b.introduce(server, name, b.chains, 2); err != nil {
		return err
	}
	floor, err := start(roleFloor, "-database", floorURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, floor.stop()) }()
	var at ready
	if err := floor.read(&at); err != nil {
		return err
	}
	if err := b.ask(order{Target: "floor " + name, Address: at.Address}, nil); err != nil {
		return err
	}
	return b.measure(name, first, server, floor)
}

func createDatabases(admin string, names ...string) error {
	ctx := context.Background()
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

// served is a server under load.
type served struct {
	*process
	ready
}

// startServer starts the server and notes how long that took, both for a new database and for one that is there.
func (b *bench) startServer(name, dir, database string) (*served, error) {
	s, took, err := startOnce(dir, database)
	if err != nil {
		return nil, err
	}
	b.report.Ready = append(b.report.Ready, startTime{Database: name, New: true, Seconds: took.Seconds()})
	if err := s.stop(); err != nil {
		return nil, err
	}
	if s, took, err = startOnce(dir, database); err != nil {
		return nil, err
	}
	b.report.Ready = append(b.report.Ready, startTime{Database: name, Seconds: took.Seconds()})
	return s, nil
}

func startOnce(dir, database string) (*served, time.Duration, error) {
	begin := time.Now()
	p, err := start(roleServe, "-data", dir, "-database", database)
	if err != nil {
		return nil, 0, err
	}
	s := &served{process: p}
	if err := p.read(&s.ready); err != nil {
		return nil, 0, errors.Join(err, p.stop())
	}
	response, err := http.Get("http://" + s.Address + "/readyz")
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("/readyz: %s", response.Status)
	}
	return s, time.Since(begin), nil
}

// introduce makes applications and browsers that are signed in, and lets each get tokens of some of the applications.
func (b *bench) introduce(s *served, name string, browsers, applications int) error {
	o := order{Target: "server " + name, Address: s.Address, Applications: applications}
	if err := s.control("/registrations", nil, &o.Registrations); err != nil {
		return err
	}
	if err := s.control("/browsers", url.Values{"n": {strconv.Itoa(browsers)}}, &o.Cookies); err != nil {
		return err
	}
	return b.ask(o, nil)
}

func (s *served) control(path string, form url.Values, into any) error {
	response, err := http.PostForm("http://"+s.Control+path, form)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", path, response.Status, body)
	}
	return json.Unmarshal(body, into)
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
func (b *bench) measure(name string, first bool, server *served, floor *process) error {
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
				o := order{Target: "floor " + name, Kind: s.name, Connections: connections, Duration: b.duration}
				under := floor
				if s.server {
					o.Target, under = "server "+name, server.process
				}
				if round < 0 {
					o.Duration = min(b.duration, 300*time.Millisecond)
				}
				end := func() error { return nil }
				if s.server && b.profiles != "" && round == b.rounds-1 {
					end = b.profile(server, fmt.Sprintf("%s-%d-%s", name, connections, strings.NewReplacer(" ", "_", ",", "").Replace(s.name)))
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

// profile begins to take a CPU profile of the server, as long as a measurement. The result waits for its end.
func (b *bench) profile(s *served, name string) (end func() error) {
	done := make(chan error, 1)
	go func() {
		seconds := max(1, int(b.duration.Round(time.Second).Seconds()))
		response, err := http.Get(fmt.Sprintf("http://%s/profile?seconds=%d", s.Control, seconds))
		if err != nil {
			done <- err
			return
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err == nil {
			err = os.WriteFile(filepath.Join(b.profiles, name+".pprof"), text, 0o644)
		}
		done <- err
	}()
	return func() error { return <-done }
}

// footprint measures the memory of a server on SQLite after the traffic of many sessions, and the size of the binary.
func (b *bench) footprint() (err error) {
	dir := filepath.Join(b.dir, "footprint")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	s, _, err := startOnce(dir, "sqlite:"+filepath.Join(dir, "portico.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	const batch = 5000
	for made := 0; made < b.sessions; made += batch {
		n := min(batch, b.sessions-made)
		progress("memory: %d of %d sessions", made, b.sessions)
		if err := b.introduce(s, "footprint", n, 1); err != nil {
			return err
		}
		for _, kind := range []string{"introspection", "userinfo", "refresh, ES256 ID token"} {
			connections := min(16, n)
			if err := b.ask(order{Target: "server footprint", Kind: kind, Connections: connections, Requests: n / connections}, nil); err != nil {
				return err
			}
		}
	}
	b.report.Sessions = b.sessions
	if b.report.Resident, err = s.resident(); err != nil {
		return err
	}
	if binary, err := os.Stat(filepath.Join("build", "portico")); err == nil {
		b.report.Binary = binary.Size()
	}
	return nil
}

var benchmarkLine = regexp.MustCompile(`(?m)^BenchmarkRequest/(\w+?)(?:-\d+)?\s.*\s(\d+) allocs/op`)

// countAllocations runs the Go benchmarks of the endpoints.
func (b *bench) countAllocations() error {
	progress("allocations: the Go benchmarks")
	cmd := exec.Command("go", "test", "-run", "^$", "-bench", "^BenchmarkRequest$", "-benchmem", "-benchtime", "200ms", "./provider")
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
