package server_test

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// wire leads to a PostgreSQL server, and can be cut for the connections that listen for notifications.
type wire struct {
	url    string
	server string // host and port

	mu        sync.Mutex
	isCut     bool
	listening map[net.Conn]bool
}

// newWire is a wire to the database with the URL, until the test ends.
func newWire(t *testing.T, database string) *wire {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{server: u.Host, listening: map[net.Conn]bool{}}
	u.Host = l.Addr().String()
	w.url = u.String()
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			node, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(node)
		}
	}()
	return w
}

func (w *wire) carry(node net.Conn) {
	defer node.Close()
	server, err := net.Dial("tcp", w.server)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(node, server)
		node.Close()
	}()
	buffer := make([]byte, 32<<10)
	for {
		n, err := node.Read(buffer)
		if n > 0 && bytes.Contains(buffer[:n], []byte("LISTEN ")) && !w.listens(node) {
			return
		}
		if err == nil {
			_, err = server.Write(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

// listens notes that the connection listens, and reports whether it may.
func (w *wire) listens(node net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listening[node] = true
	return !w.isCut
}

// cut ends the connections that listen, and each that tries to.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = true
	for node := range w.listening {
		node.Close()
	}
}
