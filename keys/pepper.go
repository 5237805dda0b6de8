package keys

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"
	"iter"
	"sync"
)

// MinPepper is the least length of a pepper in bytes.
const MinPepper = 32

// Pepper hashes secrets that were generated with 256 bits, so that a reader of the database can neither use nor test
// them. It is HMAC-SHA-256 and takes about a microsecond; what people choose needs a slow hash instead. Older peppers
// stay valid while secrets hashed under them live.
type Pepper struct {
	pools []*sync.Pool // of *peppering, the current pepper first
}

// NewPepper returns a Pepper that hashes under current and still matches what was hashed under previous. It keeps none
// of the slices. It returns an error for a pepper of less than MinPepper bytes.
func NewPepper(current []byte, previous ...[]byte) (*Pepper, error) {
	p := &Pepper{}
	for i, key := range append([][]byte{current}, previous...) {
		if len(key) < MinPepper {
			return nil, fmt.Errorf("pepper %d has %d bytes, needs %d at least", i, len(key), MinPepper)
		}
		mac := append([]byte(nil), key...)
		p.pools = append(p.pools, &sync.Pool{New: func() any {
			return &peppering{mac: hmac.New(sha256.New, mac), message: make([]byte, 0, 256)}
		}})
	}
	return p, nil
}

// peppering is a computation with its memory.
type peppering struct {
	mac     hash.Hash
	message []byte
	sum     [sha256.Size]byte
}

// Sum hashes the secret under the current pepper. The label says what kind of secret it is: equal secrets with different
// labels have unrelated sums.
func (p *Pepper) Sum(label string, secret []byte) [32]byte {
	return sum(p.pools[0], label, secret)
}

// Matches reports whether sum is that of the secret under the current or a previous pepper. Its time doesn't depend on
// where they differ.
func (p *Pepper) Matches(label string, secret []byte, sum [32]byte) bool {
	match := 0
	for candidate := range p.Sums(label, secret) {
		match |= subtle.ConstantTimeCompare(candidate[:], sum[:])
	}
	return match == 1
}

// Sums yields the sum under each pepper, the current one first, for what is found by its sum.
func (p *Pepper) Sums(label string, secret []byte) iter.Seq[[32]byte] {
	return func(yield func([32]byte) bool) {
		for _, pool := range p.pools {
			if !yield(sum(pool, label, secret)) {
				return
			}
		}
	}
}

func sum(pool *sync.Pool, label string, secret []byte) [32]byte {
	h := pool.Get().(*peppering)
	h.message = binary.BigEndian.AppendUint64(h.message[:0], uint64(len(label)))
	h.message = append(h.message, label...)
	h.message = append(h.message, secret...)
	h.mac.Reset()
	h.mac.Write(h.message)
	h.mac.Sum(h.sum[:0])
	sum := h.sum
	clear(h.message)
	pool.Put(h)
	return sum
}
