package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// served is the server under load.
type served struct {
	process
	address  string   // of its public listener
	profiles string   // address of its listener for profiles; "" if it has none
	environ  []string // its PORTICO_ variables, which is all its configuration
	log      bytes.Buffer
}

// startServer starts the server in a directory, on a database, and returns when it is ready to serve, with how long that took.
func (b *bench) startServer(ctx context.Context, dir, database string) (*served, time.Duration, error) {
	s := &served{}
	var err error
	if s.address, err = freeAddress(); err != nil {
		return nil, 0, err
	}
	s.environ = []string{
		"PORTICO_DATA_DIR=" + dir, "PORTICO_DATABASE_URL=" + database, "PORTICO_LISTEN=" + s.address, "PORTICO_PUBLIC_URL=http://" + s.address,
	}
	program, args := b.server, []string{"serve"}
	if b.profiles != "" {
		if program, err = os.Executable(); err != nil {
			return nil, 0, err
		}
		if s.profiles, err = freeAddress(); err != nil {
			return nil, 0, err
		}
		args = []string{roleServe, "-profiles", s.profiles}
	}
	if program, err = filepath.Abs(program); err != nil {
		return nil, 0, err
	}
	s.cmd = exec.CommandContext(ctx, program, args...)
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.Dir, s.cmd.Stderr = dir, &s.log
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "PORTICO_") {
			s.cmd.Env = append(s.cmd.Env, variable)
		}
	}
	s.cmd.Env = append(s.cmd.Env, s.environ...)
	begin := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, 0, err
	}
	for !s.ready() {
		if time.Since(begin) > 30*time.Second {
			return nil, 0, errors.Join(errors.New("the server isn't ready after 30 s"), s.stop())
		}
		time.Sleep(2 * time.Millisecond)
	}
	return s, time.Since(begin), nil
}

func (s *served) ready() bool {
	response, err := http.Get("http://" + s.address + "/readyz")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// stop lets the server shut down. If that fails, the error has what it logged.
func (s *served) stop() error {
	err := s.cmd.Cancel()
	if failed := s.cmd.Wait(); failed != nil || err != nil {
		return fmt.Errorf("the server: %w\n%s", errors.Join(err, failed), s.log.Bytes())
	}
	return nil
}

// profile begins to take a CPU profile of the server into a file. The result waits for its end.
func (s *served) profile(length time.Duration, file string) (end func() error) {
	done := make(chan error, 1)
	go func() {
		done <- s.fetch(fmt.Sprintf("/cpu?seconds=%d", max(1, int(length.Round(time.Second).Seconds()))), file)
	}()
	return func() error { return <-done }
}

// fetch gets a profile into a file.
func (s *served) fetch(path, file string) error {
	response, err := http.Get("http://" + s.profiles + path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}

// freeAddress is an address of this machine on which nobody listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
