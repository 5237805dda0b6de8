package storage

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/grants"
)

func TestRecent(t *testing.T) {
	at := time.Date(2026, time.March, 2, 8, 0, 0, 1000, time.UTC)
	for _, tokens := range [][]grants.Replaced{
		nil,
		{{}},
		{{Generation: 1<<32 - 1, Hash: [32]byte{31: 255}, At: at, Successor: []byte("sealed")}, {Generation: 1, At: at}},
		make([]grants.Replaced, 16),
	} {
		for i := range tokens {
			if tokens[i].At.IsZero() {
				tokens[i].At = at
			}
		}
		decoded, err := decodeRecent(encodeRecent(tokens))
		if err != nil {
			t.Fatal(err)
		}
		for i := range decoded {
			if len(decoded[i].Successor) == 0 {
				decoded[i].Successor = nil
			}
		}
		if diff := cmp.Diff(tokens, decoded); diff != "" {
			t.Errorf("decoded (-want +got):\n%s", diff)
		}
	}
	for _, damaged := range [][]byte{{0}, {2}, {1, 0}, append([]byte{1}, make([]byte, recentHeader-1)...)} {
		if _, err := decodeRecent(damaged); err == nil {
			t.Errorf("decodeRecent(%v) found nothing wrong", damaged)
		}
	}
}

// What can be decoded at all is what its encoding says, byte for byte.
func FuzzRecent(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{recentVersion})
	f.Add(encodeRecent([]grants.Replaced{{Generation: 7, At: time.UnixMicro(1), Successor: make([]byte, 48)}, {}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		tokens, err := decodeRecent(b)
		if err != nil || len(tokens) == 0 {
			return
		}
		if again := encodeRecent(tokens); !bytes.Equal(again, b) {
			t.Errorf("%x was decoded, and encoded again as %x", b, again)
		}
	})
}
