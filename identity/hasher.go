package identity

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"
)

// Argon2 holds the parameters of argon2id (RFC 9106 §3.1).
type Argon2 struct {
	MemoryKiB   uint32
	Iterations  uint32
	Parallelism uint8
}

const (
	saltLength = 16 // RFC 9106 §3.1
	keyLength  = 32
)

// Hasher computes and verifies slow hashes of passwords, a bounded number of them at the same time. It may be used by many
// goroutines.
//
// A password is hashed in Unicode form NFKC (NIST SP 800-63B-4 §3.1.1.2), so that it doesn't matter how a keyboard composes
// letters.
type Hasher struct {
	params   argon2id.Params
	slots    chan struct{}
	computed atomic.Int64
}

// NewHasher returns a Hasher that computes at most parallel hashes at once; 0 stands for one per CPU. It returns an error for
// parameters with which argon2id can't be computed, or that its own Verify wouldn't take.
func NewHasher(p Argon2, parallel int) (*Hasher, error) {
	h := &Hasher{params: argon2id.Params{
		Memory: p.MemoryKiB, Iterations: p.Iterations, Parallelism: p.Parallelism, SaltLength: saltLength, KeyLength: keyLength,
	}}
	if !bearable(&h.params) {
		return nil, fmt.Errorf("argon2id with memory of %d KiB, %d iterations, %d threads is out of range", p.MemoryKiB, p.Iterations, p.Parallelism)
	}
	if parallel <= 0 {
		parallel = runtime.GOMAXPROCS(0)
	}
	h.slots = make(chan struct{}, parallel)
	return h, nil
}

// Hash returns the PHC string of the password's hash by argon2id, with a salt of its own. It waits for its turn as long as ctx
// lets it.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	var phc string
	err := h.compute(ctx, func() (err error) {
		phc, err = argon2id.CreateHash(norm.NFKC.String(password), &h.params)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return phc, nil
}

// Verify reports whether the hash is that of the password. The hash is one that Hash returned or CheckImportedHash takes. With
// "", where there is no user or no password, it takes the time of a current hash and reports false. It waits for its turn as
// long as ctx lets it.
func (h *Hasher) Verify(ctx context.Context, password, hash string) (bool, error) {
	if hash == "" {
		_, err := h.Hash(ctx, password)
		return false, err
	}
	verify, err := parseHash(hash)
	if err != nil {
		return false, fmt.Errorf("verify password: %w", err)
	}
	var match bool
	err = h.compute(ctx, func() (err error) {
		match, err = verify(password)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("verify password: %w", err)
	}
	return match, nil
}

// NeedsUpgrade reports whether the hash was made in another way than Hash makes it now.
func (h *Hasher) NeedsUpgrade(hash string) bool {
	params, _, _, err := argon2id.DecodeHash(hash)
	return err != nil || *params != h.params
}

func (h *Hasher) compute(ctx context.Context, fn func() error) error {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-h.slots }()
	h.computed.Add(1)
	return fn()
}
