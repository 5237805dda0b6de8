package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"syscall"

	"github.com/portico-id/portico/config"
	"github.com/portico-id/portico/server"
)

// serve is the server with a listener for profiles beside it, which the real one lacks. It is configured like that by
// PORTICO_ variables, and ends by the same signals.
func serve(args []string) error {
	flags := flag.NewFlagSet(roleServe, flag.ContinueOnError)
	profiles := flags.String("profiles", "", "address of the listener")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c, err := config.Load("", os.Environ())
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := server.Open(ctx, c, "bench", slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: c.Log.Level})))
	if err != nil {
		return err
	}
	if err := s.Bootstrap(ctx); err != nil {
		return errors.Join(err, s.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cpu", pprof.Profile)
	mux.Handle("GET /heap", pprof.Handler("heap"))
	go func() { _ = http.ListenAndServe(*profiles, mux) }() // ends with the process
	return errors.Join(s.Run(ctx, func() {}), s.Close())
}
