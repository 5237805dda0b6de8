package storage

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"time"
)

// How values of the domain are kept. A time is in microseconds since the Unix epoch, and NULL if it is zero and that has a
// meaning; a duration is in whole seconds; a list of words such as scopes is one text with a space between them; a hash is
// its bytes. The types here read and write them in place: (*instant)(&session.EndedAt) is a destination of Scan.

func micros(t time.Time) int64 { return t.UnixMicro() }

func timeOf(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// microsOrNull is nil, which is NULL, for the zero time.
func microsOrNull(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	n := t.UnixMicro()
	return &n
}

// timeOrZero is the zero time for NULL.
func timeOrZero(micros *int64) time.Time {
	if micros == nil {
		return time.Time{}
	}
	return timeOf(*micros)
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func durationOf(seconds int64) time.Duration { return time.Duration(seconds) * time.Second }

// instant reads a time; NULL is the zero time.
type instant time.Time

func (t *instant) Scan(src any) error {
	switch n := src.(type) {
	case nil:
		*t = instant{}
	case int64:
		*t = instant(timeOf(n))
	default:
		return fmt.Errorf("a time is kept as %T", src)
	}
	return nil
}

// words reads and writes a list. The empty list is nil.
type words []string

func (w *words) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("a list of words is kept as %T", src)
	}
	if text == "" {
		*w = nil
		return nil
	}
	*w = strings.Split(text, " ")
	return nil
}

// Value refuses a word that would be read as none or as two.
func (w words) Value() (driver.Value, error) {
	if slices.ContainsFunc(w, func(word string) bool { return word == "" || strings.Contains(word, " ") }) {
		return nil, fmt.Errorf("%q can't be kept as a list of words", []string(w))
	}
	return strings.Join(w, " "), nil
}

// hash reads 32 bytes.
type hash [32]byte

func (h *hash) Scan(src any) error { return scanBytes(h[:], src) }

func scanBytes(dst []byte, src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(dst) {
		return fmt.Errorf("%d bytes are kept as a %T of %d", len(dst), src, len(b))
	}
	copy(dst, b)
	return nil
}
