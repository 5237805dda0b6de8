package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/portico-id/portico/server/demo"
	"github.com/portico-id/portico/storage"
)

// Run serves until the context ends, then lets running requests finish. ready is called once the listeners are open.
func (s *Server) Run(ctx context.Context, ready func()) error {
	group, ctx := errgroup.WithContext(ctx)
	if err := s.listen(ctx, group, "listen", s.Config.Listen, s.Handler()); err != nil {
		return err
	}
	if err := s.listenMetrics(ctx, group); err != nil {
		return err
	}
	if s.Config.Demo.Enabled {
		handler, err := s.demo(ctx)
		if err != nil {
			return err
		}
		if err := s.listen(ctx, group, "demo.listen", s.Config.Demo.Listen, handler); err != nil {
			return err
		}
	}
	s.work(ctx, group)
	ready()
	return group.Wait()
}

// listen opens a listener and serves on it. The key is that of the configuration, for whoever has to choose another port.
func (s *Server) listen(ctx context.Context, group *errgroup.Group, key, address string, handler http.Handler) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("%s: %q can't be listened on: %w. Stop what uses it, or set %s to another address", key, address, err, key)
	}
	limits := s.Config.Limits
	h := &http.Server{
		Handler: handler, ReadHeaderTimeout: limits.ReadHeaderTimeout, ReadTimeout: limits.ReadTimeout, WriteTimeout: limits.WriteTimeout,
		IdleTimeout: limits.IdleTimeout, MaxHeaderBytes: limits.HeaderBytes, ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	group.Go(func() error {
		if err := h.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return h.Shutdown(last)
	})
	return nil
}

func (s *Server) demo(ctx context.Context) (http.Handler, error) {
	known, err := s.registerDemo(ctx)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return demo.New(demo.Config{
		Issuer: s.Config.PublicURL, BaseURL: s.demoURL(), Notes: known.Notes, Tasks: known.Tasks, MailboxURL: s.mailboxAddress(), ClockURL: s.clockAddress(), Now: s.Clock.Now, Log: s.Log,
	})
}

// logoutInterval is how soon applications hear of a session that another process has ended, or hear again after a failure.
const logoutInterval = 500 * time.Millisecond

// sweepInterval is how soon the rows of sessions that are over say so.
const sweepInterval = 5 * time.Second

// work starts what runs beside the requests, on every node.
func (s *Server) work(ctx context.Context, group *errgroup.Group) {
	purge := storage.Purge{DB: s.DB, Retention: s.Config.Purge.Retention, Batch: s.Config.Purge.Batch}
	every(ctx, group, time.Second, func() { s.try(ctx, "write marks of use", s.flush) })
	group.Go(func() error {
		s.deliverLogouts(ctx)
		return nil
	})
	every(ctx, group, sweepInterval, func() {
		s.try(ctx, "note ended sessions", func(ctx context.Context) error {
			_, err := s.Sweep.Run(ctx)
			return err
		})
	})
	every(ctx, group, time.Minute, func() {
		s.try(ctx, "rotate signing keys", s.Keys.Tick)
		s.try(ctx, "rotate sealing keys", s.Sealer.Tick)
	})
	every(ctx, group, s.Config.Purge.Interval, func() {
		s.try(ctx, "purge", func(ctx context.Context) error {
			removed, err := purge.Run(ctx, s.Clock.Now().UTC())
			if removed > 0 {
				s.Log.DebugContext(ctx, "purged", "rows", removed)
			}
			return err
		})
	})
	group.Go(func() error {
		s.post.run(ctx)
		return nil
	})
}

// logoutsAdded has applications told at once.
func (s *Server) logoutsAdded() {
	select {
	case s.added <- struct{}{}:
	default: // somebody has said so
	}
}

func (s *Server) deliverLogouts(ctx context.Context) {
	tick := time.NewTicker(logoutInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.added:
		case <-ctx.Done():
			return
		}
		s.try(ctx, "deliver logouts", func(ctx context.Context) error {
			_, err := s.Logouts.Deliver(ctx)
			return err
		})
	}
}

func (s *Server) flush(ctx context.Context) error {
	return errors.Join(s.Sessions.Activity.Flush(ctx), s.Applications.Flush(ctx), s.APIKeys.Flush(ctx))
}

func (s *Server) try(ctx context.Context, what string, do func(context.Context) error) {
	if err := do(ctx); err != nil && ctx.Err() == nil {
		s.Log.WarnContext(ctx, "periodic work failed, and is tried again", "work", what, "err", err)
	}
}

func every(ctx context.Context, group *errgroup.Group, interval time.Duration, do func()) {
	group.Go(func() error {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				do()
			case <-ctx.Done():
				return nil
			}
		}
	})
}
