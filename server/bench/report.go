package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// report is what a run found out.
type report struct {
	Rows     []row       `json:"rows"`
	Ready    []startTime `json:"ready"`
	Sessions int         `json:"sessions,omitempty"` // whose traffic Resident is measured after
	Resident int64       `json:"resident_bytes,omitempty"`
	Binary   int64       `json:"binary_bytes"`
}

// row is one scenario on one database at one number of connections.
type row struct {
	Database    string  `json:"database"`
	Scenario    string  `json:"scenario"`
	Connections int     `json:"connections"`
	PerSecond   float64 `json:"requests_per_second"`
	P50         float64 `json:"p50_ms"`
	P99         float64 `json:"p99_ms"`
	CPU         float64 `json:"server_cpu_ms_per_request"`
	Floor       string  `json:"floor,omitempty"`
	Ratio       float64 `json:"ratio_to_floor,omitempty"`     // of the throughput
	CPURatio    float64 `json:"cpu_ratio_to_floor,omitempty"` // which what else the machine does changes less
	Allocations int     `json:"allocations_per_request,omitempty"`
	RatioTarget float64 `json:"ratio_target,omitempty"`
	CPUTarget   float64 `json:"cpu_target_ms,omitempty"`

	of *scenario
}

// startTime is how long a start took until the server was ready.
type startTime struct {
	Database string  `json:"database"`
	New      bool    `json:"new_database"`
	Seconds  float64 `json:"seconds"`
}

// summarize makes rows of the measurements: the medians of the rounds, and of the ratios within each round.
func (b *bench) summarize() {
	for _, database := range b.databases {
		for i := range scenarios {
			s := &scenarios[i]
			for _, connections := range b.connections {
				rounds := b.cells[cell{database, s.name, connections}]
				if len(rounds) == 0 {
					continue
				}
				r := row{
					Database: database, Scenario: s.name, Connections: connections, Floor: s.floor, RatioTarget: s.ratio, CPUTarget: s.cpu, of: s,
					PerSecond: median(rounds, func(m *measurement) float64 { return m.perSecond() }),
					P50:       median(rounds, func(m *measurement) float64 { return milliseconds(m.P50) }),
					P99:       median(rounds, func(m *measurement) float64 { return milliseconds(m.P99) }),
					CPU:       median(rounds, (*measurement).cpuOfOne),
				}
				if floor := b.cells[cell{database, s.floor, connections}]; len(floor) == len(rounds) {
					ratios := make([]float64, len(rounds))
					for i := range rounds {
						ratios[i] = rounds[i].perSecond() / floor[i].perSecond()
					}
					slices.Sort(ratios)
					r.Ratio = ratios[len(ratios)/2]
					if least := median(floor, (*measurement).cpuOfOne); least > 0 { // a short measurement may not see any
						r.CPURatio = r.CPU / least
					}
				}
				b.report.Rows = append(b.report.Rows, r)
			}
		}
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(rounds []measurement, of func(*measurement) float64) float64 {
	values := make([]float64, len(rounds))
	for i := range rounds {
		values[i] = of(&rounds[i])
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// columns are those after the name of the scenario.
const columns = "%12s%9s%9s%9s%9s%8s%10s%8s  %-18s%s"

func (r *report) print(w io.Writer) {
	for i := range r.Rows {
		row := &r.Rows[i]
		if i == 0 || row.Database != r.Rows[i-1].Database {
			fmt.Fprintf(w, "\n%-30s"+columns+"\n", row.Database, "connections", "req/s", "p50 ms", "p99 ms", "CPU ms", "allocs", "of floor", "CPU ×", "floor", "targets")
		}
		fmt.Fprintf(w, "%-30s"+columns+"\n", row.Scenario, fmt.Sprint(row.Connections), fmt.Sprintf("%.0f", row.PerSecond), fmt.Sprintf("%.3f", row.P50),
			fmt.Sprintf("%.3f", row.P99), fmt.Sprintf("%.3f", row.CPU), or(row.Allocations > 0, "%d", row.Allocations),
			or(row.Ratio > 0, "%.0f %%", 100*row.Ratio), or(row.CPURatio > 0, "%.1f", row.CPURatio), row.Floor, row.verdict())
	}
	fmt.Fprintln(w)
	for _, s := range r.Ready {
		what := "an existing"
		if s.New {
			what = "a new"
		}
		fmt.Fprintf(w, "ready on %s %s database after %.2f s (target: under %.0f s): %s\n", what, s.Database, s.Seconds, readyTarget, met(s.Seconds < readyTarget))
	}
	if r.Sessions > 0 {
		fmt.Fprintf(w, "resident after the traffic of %d sessions: %.1f MB (target: under %d MB after %d)", r.Sessions, megabytes(r.Resident), residentTarget>>20, residentOf)
		fmt.Fprintf(w, ": %s\n", met(r.Resident < residentTarget))
	}
	fmt.Fprintf(w, "binary: %.1f MB (target: under %d MB): %s\n", megabytes(r.Binary), binaryTarget>>20, met(r.Binary < binaryTarget))
	if missed := r.missed(); len(missed) > 0 {
		fmt.Fprintln(w, "\nmissed:")
		for _, text := range missed {
			fmt.Fprintln(w, "  "+text)
		}
	}
}

// verdict says how the row's targets were kept.
func (r *row) verdict() string {
	text := ""
	if r.RatioTarget > 0 {
		text = fmt.Sprintf("≥ %.0f %%: %s", 100*r.RatioTarget, met(r.Ratio >= r.RatioTarget))
	}
	if r.CPUTarget > 0 {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("≤ %.2f ms: %s", r.CPUTarget, met(r.CPU <= r.CPUTarget))
	}
	return text
}

// missed lists the targets that were missed.
func (r *report) missed() (all []string) {
	for i := range r.Rows {
		row := &r.Rows[i]
		at := fmt.Sprintf("%s, %s, %d connections", row.Scenario, row.Database, row.Connections)
		if row.RatioTarget > 0 && row.Ratio < row.RatioTarget {
			all = append(all, fmt.Sprintf("%s: %.0f %% of %s, not %.0f %%", at, 100*row.Ratio, row.Floor, 100*row.RatioTarget))
		}
		if row.CPUTarget > 0 && row.CPU > row.CPUTarget {
			all = append(all, fmt.Sprintf("%s: %.3f ms of CPU, not %.2f", at, row.CPU, row.CPUTarget))
		}
	}
	for _, s := range r.Ready {
		if s.Seconds >= readyTarget {
			all = append(all, fmt.Sprintf("ready on %s (new: %t): %.2f s, not %.0f", s.Database, s.New, s.Seconds, readyTarget))
		}
	}
	if r.Sessions > 0 && r.Resident >= residentTarget {
		all = append(all, fmt.Sprintf("resident after %d sessions: %.1f MB, not %d", r.Sessions, megabytes(r.Resident), residentTarget>>20))
	}
	if r.Binary >= binaryTarget {
		all = append(all, fmt.Sprintf("binary: %.1f MB, not %d", megabytes(r.Binary), binaryTarget>>20))
	}
	return all
}

func or[T any](there bool, format string, value T) string {
	if !there {
		return ""
	}
	return fmt.Sprintf(format, value)
}

func met(ok bool) string {
	if ok {
		return "met"
	}
	return "MISSED"
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }
