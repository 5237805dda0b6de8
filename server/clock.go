package server

import (
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/portico-id/portico/fault"
)

// Clock is the time that the whole installation goes by. In local mode it can be moved, so that a weekend can be watched
// passing. The zero value goes right. It is safe for concurrent use.
type Clock struct{ offset atomic.Int64 }

// Now returns the time.
func (c *Clock) Now() time.Time { return time.Now().Add(c.Offset()) }

// Offset is how far the clock is ahead of the real time.
func (c *Clock) Offset() time.Duration { return time.Duration(c.offset.Load()) }

// Set moves the clock to the offset from the real time.
func (c *Clock) Set(offset time.Duration) { c.offset.Store(int64(offset)) }

// clockAddress is where the clock can be moved; "" outside local mode.
func (s *Server) clockAddress() string {
	if !s.Config.Local() {
		return ""
	}
	return s.Config.PublicURL + "/dev/clock"
}

var errOffset = fault.Invalidf("offset_seconds", "Give offset_seconds or advance_seconds: a number of seconds that leaves the clock within 20 years of the real time.")

// devClock serves POST /dev/clock in local mode: {"offset_seconds": 172800} moves the clock two days ahead of the real time,
// {"advance_seconds": 3600} an hour ahead of where it is.
func (s *Server) devClock(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		OffsetSeconds  *int64 `json:"offset_seconds"`
		AdvanceSeconds *int64 `json:"advance_seconds"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	const most = 20 * 365 * 24 * 60 * 60
	var seconds int64
	switch {
	case in.OffsetSeconds != nil && in.AdvanceSeconds == nil:
		seconds = *in.OffsetSeconds
	case in.AdvanceSeconds != nil && in.OffsetSeconds == nil && *in.AdvanceSeconds <= 2*most:
		seconds = int64(s.Clock.Offset().Seconds()) + *in.AdvanceSeconds
	default:
		return errOffset
	}
	if seconds < -most || seconds > most {
		return errOffset
	}
	s.Clock.Set(time.Duration(seconds) * time.Second)
	s.Log.LogAttrs(r.Context(), slog.LevelInfo, "clock moved", slog.Int64("offset_seconds", seconds))
	return writeJSON(w, map[string]any{"offset_seconds": seconds, "now": s.Clock.Now().UTC().Format(time.RFC3339)})
}
