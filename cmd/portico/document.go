package main

import (
	"encoding/json"
	"io"
	"os"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/fault"
)

// applicationReply is what is told of an application.
type applicationReply struct {
	clients.Reply
	Secrets []secretDocument `json:"secrets"`
}

// secretDocument is a client secret without its text.
type secretDocument struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Hint       string    `json:"hint"` // its last four characters
	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
}

func replyOf(a *clients.Application, isDefault bool) *applicationReply {
	r := &applicationReply{Reply: a.Reply(isDefault), Secrets: []secretDocument{}}
	for i := range a.Secrets {
		r.Secrets = append(r.Secrets, secretOf(&a.Secrets[i]))
	}
	return r
}

func secretOf(s *clients.Secret) secretDocument {
	return secretDocument{ID: s.ID, Name: s.Name, Hint: s.Hint, CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt, LastUsedAt: s.LastUsed.At}
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// list is never null in JSON.
func list(values []string) []string { return append([]string{}, values...) }

// maxDocument is the most bytes of a document that is read.
const maxDocument = 1 << 20

// readFile reads a file of a document, "-" for standard input.
func (c *cli) readFile(name string) ([]byte, error) {
	var from io.Reader = c.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxDocument+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxDocument {
		return nil, fault.Invalidf("", "%s has more than %d bytes", name, maxDocument)
	}
	return text, nil
}

// readPatch reads a file, "-" for standard input.
func (c *cli) readPatch(name string) (clients.Patch, error) {
	text, err := c.readFile(name)
	if err != nil {
		return nil, err
	}
	var p clients.Patch
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fault.Invalidf("", "%s must hold one JSON object: %v", name, err)
	}
	return p, nil
}
