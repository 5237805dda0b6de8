package sessions

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/portico-id/portico/environments"
)

// Activity collects in memory when sessions were last used and writes the marks in batches, so that being used costs a
// request nothing. Losing those of the last second is allowed. It is safe for concurrent use.
type Activity struct {
	Store Store

	mu    sync.Mutex
	marks Marks
}

// Marks are times of last use.
type Marks struct {
	Sessions map[SessionKey]time.Time
	Browsers map[BrowserKey]time.Time
}

// SessionKey names a session in all environments.
type SessionKey struct {
	Environment environments.ID
	ID          ID
}

// BrowserKey names a browser session in all environments.
type BrowserKey struct {
	Environment environments.ID
	ID          BrowserID
}

// Session notes that the session was used at the time.
func (a *Activity) Session(env environments.ID, id ID, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.marks.Sessions == nil {
		a.marks.Sessions = map[SessionKey]time.Time{}
	}
	mark(a.marks.Sessions, SessionKey{env, id}, at)
}

// Browser notes that the browser session was used at the time.
func (a *Activity) Browser(env environments.ID, id BrowserID, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.marks.Browsers == nil {
		a.marks.Browsers = map[BrowserKey]time.Time{}
	}
	mark(a.marks.Browsers, BrowserKey{env, id}, at)
}

func mark[K comparable](marks map[K]time.Time, key K, at time.Time) {
	if at.After(marks[key]) {
		marks[key] = at
	}
}

// Flush writes the marks. Those that could not be written are kept for the next time.
func (a *Activity) Flush(ctx context.Context) error {
	a.mu.Lock()
	marks := a.marks
	a.marks = Marks{}
	a.mu.Unlock()
	if len(marks.Sessions) == 0 && len(marks.Browsers) == 0 {
		return nil
	}
	err := a.Store.MarkActive(ctx, marks)
	if err == nil {
		return nil
	}
	for key, at := range marks.Sessions {
		a.Session(key.Environment, key.ID, at)
	}
	for key, at := range marks.Browsers {
		a.Browser(key.Environment, key.ID, at)
	}
	return fmt.Errorf("write when sessions were used: %w", err)
}
