// Command gotest is a stage of .ci/test: it runs go test with the arguments after the stage's name, and prints one
// line with the count of test cases and the seconds, then each failure with the command that repeats it.
//
// A test with subtests is no case of its own, unless it fails by itself. A skipped test counts as failed. What go
// test -json said is kept in build/test/NAME.json, the counts in build/test/NAME.count.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const (
	folder = "build/test"
	shown  = 100 // lines of a failure's output
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: gotest NAME [FLAG ...] PACKAGE ...")
		os.Exit(2)
	}
	name, args := os.Args[1], os.Args[2:]
	begin := time.Now()
	passed, failures, err := run(name, args)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	count := fmt.Sprintf("%d passed", passed)
	if len(failures) > 0 {
		count += fmt.Sprintf(", %d failed", len(failures))
	}
	fmt.Printf("%-16s%-28s%8.1f s\n", name, count, time.Since(begin).Seconds())
	for _, f := range failures {
		f.print(name, args)
	}
	if len(failures) > 0 {
		os.Exit(1)
	}
}

// run runs go test and counts. Its error is about files, not tests.
func run(name string, args []string) (passed int, failures []failure, err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return 0, nil, err
	}
	log, err := os.Create(filepath.Join(folder, name+".json"))
	if err != nil {
		return 0, nil, err
	}
	defer log.Close()

	var said bytes.Buffer
	cmd := exec.Command("go", append([]string{"test", "-json", "-vet=off"}, args...)...)
	cmd.Stderr = &said
	events, err := cmd.StdoutPipe()
	if err != nil {
		return 0, nil, err
	}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	passed, failures, err = count(io.TeeReader(events, log))
	if waitErr := cmd.Wait(); waitErr != nil && len(failures) == 0 {
		failures = append(failures, failure{output: said.String() + waitErr.Error() + "\n"})
	}
	if passed == 0 && len(failures) == 0 {
		failures = append(failures, failure{output: "no test was run\n"})
	}
	counts := fmt.Sprintf("%d %d\n", passed, len(failures))
	return passed, failures, errors.Join(err, os.WriteFile(filepath.Join(folder, name+".count"), []byte(counts), 0o644))
}

// frame matches the lines that go test itself writes about a test.
var frame = regexp.MustCompile(`(?m)^ *(===|---) .*\n`)

// event is a line of go test -json (go doc test2json, go help buildjson).
type event struct {
	Action, Package, Test, Output string
	ImportPath, FailedBuild       string
}

// failure is a test that failed, or a package as a whole if test is "".
type failure struct {
	pkg, test, output string
}

// count reads what go test -json said.
func count(r io.Reader) (passed int, failures []failure, err error) {
	type key struct{ pkg, test string }
	outputs := map[key]*strings.Builder{} // of what hasn't passed; with pkg alone, of the package
	parents := map[key]bool{}             // tests with subtests
	told := map[key]int{}                 // tests and packages, to the index of the failure that tells of them
	output := func(k key) *strings.Builder {
		if outputs[k] == nil {
			outputs[k] = new(strings.Builder)
		}
		return outputs[k]
	}
	for lines := json.NewDecoder(r); ; {
		var e event
		if err := lines.Decode(&e); errors.Is(err, io.EOF) {
			return passed, failures, nil
		} else if err != nil {
			return passed, failures, fmt.Errorf("read go test -json: %w", err)
		}
		k := key{e.Package, e.Test}
		switch e.Action {
		case "build-output":
			output(key{pkg: e.ImportPath}).WriteString(e.Output)
		case "output":
			output(k).WriteString(e.Output)
		case "run":
			if i := strings.LastIndexByte(e.Test, '/'); i >= 0 {
				for above := e.Test[:i]; above != "."; above = path.Dir(above) {
					parents[key{e.Package, above}] = true
				}
			}
		case "pass":
			if e.Test != "" && !parents[k] {
				passed++
			}
			delete(outputs, k)
		case "fail", "skip":
			if e.Test == "" && e.Action == "skip" { // a package without tests
				continue
			}
			if i, ok := told[k]; ok { // by a test in it, to which this one may add, such as a panic
				if e.Test != "" {
					failures[i].output += frame.ReplaceAllString(output(k).String(), "")
				}
				continue
			}
			if e.FailedBuild != "" {
				k = key{pkg: e.FailedBuild}
			}
			for above := e.Test; above != "." && above != ""; above = path.Dir(above) {
				told[key{e.Package, above}] = len(failures)
			}
			told[key{pkg: e.Package}] = len(failures)
			failures = append(failures, failure{e.Package, e.Test, output(k).String()})
		}
	}
}

func (f failure) print(name string, args []string) {
	fmt.Printf("\n  FAIL %s %s\n", f.pkg, f.test)
	lines := strings.SplitAfter(strings.TrimSuffix(f.output, "\n"), "\n")
	for _, line := range lines[:min(len(lines), shown)] {
		fmt.Print("    ", line)
	}
	if more := len(lines) - shown; more > 0 {
		fmt.Printf("    … and %d more lines in %s/%s.json", more, folder, name)
	}
	fmt.Printf("\n  Repeat it: %s\n\n", f.repeat(args))
}

// repeat is the command that runs what failed, with the flags that it ran with.
func (f failure) repeat(args []string) string {
	command := []string{"go test"}
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "-run=") {
			command = append(command, arg)
		}
	}
	if f.test != "" {
		parts := strings.Split(f.test, "/")
		for i, part := range parts {
			parts[i] = "^" + regexp.QuoteMeta(part) + "$"
		}
		command = append(command, "-run='"+strings.ReplaceAll(strings.Join(parts, "/"), "'", `'\''`)+"'")
	}
	return strings.Join(append(command, cmp.Or(f.pkg, "./...")), " ")
}
