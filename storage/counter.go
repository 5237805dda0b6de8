package storage

import (
	"context"
	"slices"
	"sync"
)

// Counter records the statements sent to the database with a context, for tests that hold their
// number down.
type Counter struct {
	mu           sync.Mutex
	statements   []string
	transactions int
}

// Statements returns the statements in order. BEGIN, COMMIT and the like are not among them.
func (c *Counter) Statements() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.statements)
}

// Transactions is the number of transactions begun by InTx. A single statement isn't one.
func (c *Counter) Transactions() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.transactions
}

// Reset forgets what was counted.
func (c *Counter) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statements, c.transactions = nil, 0
}

type counterKey struct{}

// WithCounter returns a context whose statements are counted.
func WithCounter(ctx context.Context) (context.Context, *Counter) {
	c := &Counter{}
	return context.WithValue(ctx, counterKey{}, c), c
}

func count(ctx context.Context, q string) {
	if c, ok := ctx.Value(counterKey{}).(*Counter); ok {
		c.mu.Lock()
		c.statements = append(c.statements, q)
		c.mu.Unlock()
	}
}

func countTransaction(ctx context.Context) {
	if c, ok := ctx.Value(counterKey{}).(*Counter); ok {
		c.mu.Lock()
		c.transactions++
		c.mu.Unlock()
	}
}
