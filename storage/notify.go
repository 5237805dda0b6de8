package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
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
}

// channel is the PostgreSQL channel of all notifications: "<node> <topic> <payload>".
const channel = "portico"

const (
	lookInterval      = 50 * time.Millisecond  // between looks for commits of other processes, on SQLite
	heartbeat         = 500 * time.Millisecond // on the connection that listens, on PostgreSQL: how long its silence is believed, and its answer awaited
	forgetInterval    = time.Second            // of what was read while nobody tells of changes
	reconnectInterval = 200 * time.Millisecond // to PostgreSQL, when that connection is lost
)

// Notify tells the subscribers of Changes, on this node and on others, that something changed, once
// the transaction of ctx is committed. A topic has no space in it; both together have less
// than 7000 bytes. PostgreSQL commits transactions that notify one after the other, so
// it is for what changes seldom.
func (db *DB) Notify(ctx context.Context, topic, payload string) error {
	if strings.ContainsRune(topic, ' ') || len(topic)+len(payload) > 7000 {
		return fmt.Errorf("%q with a payload of %d bytes can't be notified", topic, len(payload))
	}
	if _, err := db.txOf(ctx); err != nil {
		return err
	}
	if db.writer == nil {
		message := db.node + " " + topic + " " + payload
		if _, err := db.exec(ctx, "SELECT pg_notify('"+channel+"', ?)", message); err != nil {
			return fmt.Errorf("notify %s: %w", topic, err)
		}
	}
	db.afterCommit(ctx, func() { db.emit(Change{topic, payload}) })
	return nil
}

// Changes calls fn for every change, until stop is called. A change of this node is told before its
// InTx returns; a change of another follows within milliseconds on PostgreSQL, and on SQLite,
// where a change by another process is always the zero Change, within 50. fn may be called from
// several goroutines at once and must not wait.
func (db *DB) Changes(fn func(Change)) (stop func()) {
	c := &db.changes
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.subscribers == nil {
		c.subscribers = map[int]func(Change){}
		if db.writer != nil {
			db.background.Go(func() { db.look(db.closing) })
		} else {
			db.background.Go(func() { db.listen(db.closing) })
			db.background.Go(func() { db.forget(db.closing) })
		}
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

// Coherent reports whether the changes of other nodes are being told. A zero Change comes after it
// turned false, each second while it is, at first and when the connection for them is lost, and before
// it turns true.
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

// look sees what other processes commit to a SQLite file. On the connection of the writer,
// data_version changes with the commits of all other connections, which are other processes'.
func (db *DB) look(ctx context.Context) {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	seen := int64(-1)
	for {
		var version int64
		err := db.writer.alone(ctx, func() error {
			stmt, err := db.writer.statements.get("PRAGMA data_version")
			if err != nil {
				return err
			}
			return stmt.QueryRow().Scan(&version)
		})
		if err == nil && version != seen {
			seen = version
			db.emit(Change{})
			db.coherent.Store(true)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// listen hears what other nodes notify through PostgreSQL, on a connection of its own.
func (db *DB) listen(ctx context.Context) {
	for {
		db.hear(ctx) // the reason for its end is that of the connection, and seen by every request
		if db.coherent.Swap(false) {
			db.emit(Change{})
			// The connections of the pool are probably lost too, and would each fail a request.
			db.pool.SetMaxIdleConns(0)
			db.pool.SetMaxIdleConns(db.connections)
		}
		select {
		case <-time.After(reconnectInterval):
		case <-ctx.Done():
			return
		}
	}
}

// forget has everything read again each second while nobody tells what has changed.
func (db *DB) forget(ctx context.Context) {
	tick := time.NewTicker(forgetInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if !db.coherent.Load() {
				db.emit(Change{})
			}
		case <-ctx.Done():
			return
		}
	}
}

func (db *DB) hear(ctx context.Context) error {
	conn, err := db.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	db.emit(Change{})
	db.coherent.Store(true)
	for {
		var n *pgconn.Notification
		err := within(ctx, heartbeat, func(ctx context.Context) (err error) {
			n, err = conn.WaitForNotification(ctx)
			return err
		})
		switch {
		case err == nil:
			if node, rest, _ := strings.Cut(n.Payload, " "); node != db.node {
				topic, payload, _ := strings.Cut(rest, " ")
				db.emit(Change{topic, payload})
			}
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded):
			return err
		default: // a silence: is anyone there?
			if err := within(ctx, heartbeat, conn.Ping); err != nil {
				return err
			}
		}
	}
}

func (db *DB) connect(ctx context.Context) (conn *pgx.Conn, err error) {
	err = within(ctx, 5*time.Second, func(ctx context.Context) error {
		if conn, err = pgx.ConnectConfig(ctx, db.pgx); err != nil {
			return err
		}
		_, err = conn.Exec(ctx, "LISTEN "+channel)
		return err
	})
	if err != nil && conn != nil {
		conn.Close(context.WithoutCancel(ctx))
	}
	return conn, err
}

func within(ctx context.Context, limit time.Duration, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return fn(ctx)
}

func randomName() string { return rand.Text()[:12] }
