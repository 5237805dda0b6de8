package storage

import (
	"context"
	"crypto/rand"
	"sync"
)

// Change tells what a committed transaction said with Notify. The zero Change means that
// anything may have changed.
type Change struct {
	Topic, Payload string
}

// changes are the subscribers of a DB.
type changes struct {
	mu          sync.Mutex
	subscribers map[int]func(Change)
	last        int
	once        sync.Once
}

// Notify tells the subscribers of Changes, on this node and on others, that something changed, once
// the transaction of ctx is committed. The topic has no spaces; the payload is short.
func (db *DB) Notify(ctx context.Context, topic, payload string) error {
	db.afterCommit(ctx, func() { db.emit(Change{topic, payload}) })
	return nil
}

// Changes calls fn for every change, until stop is called. A change of this node is told before its
// InTx returns; a change of another follows within milliseconds on PostgreSQL, and on SQLite,
// where a change by another process is always "anything", within 50. fn may be called from several
// goroutines at once and must not wait.
func (db *DB) Changes(fn func(Change)) (stop func()) {
	c := &db.changes
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.subscribers == nil {
		c.subscribers = map[int]func(Change){}
	}
	c.last++
	id := c.last
	c.subscribers[id] = fn
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.subscribers, id)
	}
}

// Coherent reports whether changes of other nodes are being told. While it is false, which follows
// a zero Change, what was read more than a second ago must be read again; when it is true again,
// another zero Change comes first.
func (db *DB) Coherent() bool {
	return db.coherent.Load()
}

func (db *DB) emit(change Change) {
	db.changes.mu.Lock()
	fns := make([]func(Change), 0, len(db.changes.subscribers))
	for _, fn := range db.changes.subscribers {
		fns = append(fns, fn)
	}
	db.changes.mu.Unlock()
	for _, fn := range fns {
		fn(change)
	}
}

func randomName() string { return rand.Text()[:12] }
