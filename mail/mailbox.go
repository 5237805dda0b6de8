package mail

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Mailbox is the Sender of local mode: it keeps the newest messages in memory and sends nothing.
type Mailbox struct {
	Now       func() time.Time
	Size      int              // how many messages it keeps; 0 for 200
	OnReceive func(m Received) // called after each message, if set

	mu       sync.Mutex
	count    int        // messages ever received
	messages []Received // oldest first
}

// Received is a message in a Mailbox.
type Received struct {
	Message
	ID string // unique in its Mailbox
	At time.Time
}

// Send keeps the message, and drops the oldest if there are too many. It never fails.
func (b *Mailbox) Send(_ context.Context, m Message) error {
	received := b.receive(m)
	if b.OnReceive != nil {
		b.OnReceive(received)
	}
	return nil
}

func (b *Mailbox) receive(m Message) Received {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count++
	received := Received{Message: m, ID: strconv.Itoa(b.count), At: b.Now()}
	b.messages = append(b.messages, received)
	size := b.Size
	if size == 0 {
		size = 200
	}
	if extra := len(b.messages) - size; extra > 0 {
		b.messages = slices.Delete(b.messages, 0, extra)
	}
	return received
}

// Messages are those that are kept, newest first.
func (b *Mailbox) Messages() []Received {
	b.mu.Lock()
	defer b.mu.Unlock()
	messages := slices.Clone(b.messages)
	slices.Reverse(messages)
	return messages
}

// Message finds one by its ID. It reports false if there is none, or none any more.
func (b *Mailbox) Message(id string) (Received, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.messages, func(m Received) bool { return m.ID == id })
	if i < 0 {
		return Received{}, false
	}
	return b.messages[i], true
}
