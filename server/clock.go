package server

import (
	"sync/atomic"
	"time"
)

// Clock is the time that the whole installation goes by. In local mode it can be moved, so that a weekend can be watched
// passing. The zero value goes right. It is safe for concurrent use.
type Clock struct{ offset atomic.Int64 }

// Now returns the time.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// Set moves the clock to the offset from the real time.
func (c *Clock) Set(offset time.Duration) { c.offset.Store(int64(offset)) }
