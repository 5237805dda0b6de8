package keys

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/portico-id/portico/environments"
)

// Sealer makes opaque tokens: short plaintexts that nobody else can read or forge, under keys of their environment that
// are replaced every day. It uses XChaCha20-Poly1305, whose nonces are long enough to be random. With the keys in its
// snapshot neither Seal nor Open reads the SealingStore.
//
// A sealed text is the ID of its key (4 bytes), the nonce (24), the encrypted plaintext and the tag (16).
type Sealer struct {
	Store        SealingStore
	Vault        *Vault
	Environments Environments
	Schedule     SealingSchedule
	Now          func() time.Time

	snapshots cache[sealerSnapshot]
}

// SealingSchedule says when sealing keys are made and removed. In each field zero is the default.
type SealingSchedule struct {
	RotateEvery   time.Duration // how long a key seals; 24 hours
	PublishBefore time.Duration // how long before it seals other nodes can learn of it; 5 minutes
	KeepAfter     time.Duration // how long it opens after it sealed its last: longer than any token lives; 25 hours
}

func (s SealingSchedule) orDefaults() SealingSchedule {
	if s.RotateEvery == 0 {
		s.RotateEvery = 24 * time.Hour
	}
	if s.PublishBefore == 0 {
		s.PublishBefore = 5 * time.Minute
	}
	if s.KeepAfter == 0 {
		s.KeepAfter = 25 * time.Hour
	}
	return s
}

// sealerSnapshot has the keys by ascending ID.
type sealerSnapshot struct {
	rows []SealingKey
	keys []openedKey
}

type openedKey struct {
	id        uint32
	sealsFrom time.Time
	aead      cipher.AEAD
}

const sealKeyID = 4

// SealOverhead is how many bytes a sealed text is longer than its plaintext.
const SealOverhead = sealKeyID + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// Seal returns the plaintext sealed. Open must be given the same additional data; it says what the text is for.
func (s *Sealer) Seal(ctx context.Context, env environments.ID, plaintext, additional []byte) ([]byte, error) {
	return s.SealTo(ctx, nil, env, plaintext, additional)
}

// SealTo is Seal that appends to dst, which must not overlap the plaintext.
func (s *Sealer) SealTo(ctx context.Context, dst []byte, env environments.ID, plaintext, additional []byte) ([]byte, error) {
	snapshot, err := s.snapshots.get(ctx, env, s.load)
	if err == nil && len(snapshot.keys) == 0 {
		snapshot, err = s.first(ctx, env)
	}
	if err != nil {
		return nil, err
	}
	key := snapshot.sealing(s.Now())
	dst = slices.Grow(dst, SealOverhead+len(plaintext))
	dst = binary.BigEndian.AppendUint32(dst, key.id)
	nonce := dst[len(dst) : len(dst)+chacha20poly1305.NonceSizeX]
	rand.Read(nonce)
	return key.aead.Seal(dst[:len(dst)+len(nonce)], nonce, plaintext, additional), nil
}

// Open returns the plaintext of what was sealed with the same additional data in the same environment. Errors:
// ErrUnverified if it wasn't; ErrUnknownKey, also an ErrUnverified, if its key is gone or never was.
func (s *Sealer) Open(ctx context.Context, env environments.ID, sealed, additional []byte) ([]byte, error) {
	return s.OpenTo(ctx, nil, env, sealed, additional)
}

// OpenTo is Open that appends to dst, which must not overlap what is sealed.
func (s *Sealer) OpenTo(ctx context.Context, dst []byte, env environments.ID, sealed, additional []byte) ([]byte, error) {
	if len(sealed) < SealOverhead {
		return nil, ErrUnverified
	}
	id, sealed := binary.BigEndian.Uint32(sealed), sealed[sealKeyID:]
	snapshot, err := s.snapshots.get(ctx, env, s.load)
	if err != nil {
		return nil, err
	}
	aead := snapshot.opening(id)
	for tries := 0; aead == nil && id > snapshot.newest() && tries < 2; tries++ {
		// Another node may have made it a moment ago, during a load even (see Ring.keyByID); one with a lower ID was removed for good.
		if snapshot, err = s.snapshots.newer(ctx, env, snapshot, s.Now(), s.load); err != nil {
			return nil, err
		}
		aead = snapshot.opening(id)
	}
	if aead == nil {
		return nil, ErrUnknownKey
	}
	nonce, ciphertext := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	out, err := aead.Open(dst, nonce, ciphertext, additional)
	if err != nil {
		return nil, ErrUnverified
	}
	return out, nil
}

// sealing returns the key that seals at a time: the latest whose turn has come. A node with a slow clock may see only keys
// whose turn is to come; it takes the first.
func (s *sealerSnapshot) sealing(now time.Time) *openedKey {
	for i := len(s.keys) - 1; i > 0; i-- {
		if !now.Before(s.keys[i].sealsFrom) {
			return &s.keys[i]
		}
	}
	return &s.keys[0]
}

func (s *sealerSnapshot) opening(id uint32) cipher.AEAD {
	for i := len(s.keys) - 1; i >= 0; i-- {
		if s.keys[i].id == id {
			return s.keys[i].aead
		}
	}
	return nil
}

func (s *sealerSnapshot) newest() uint32 {
	if len(s.keys) == 0 {
		return 0
	}
	return s.keys[len(s.keys)-1].id
}

// Tick makes the next sealing key of every environment when it is due and removes those that opened their last. Call it
// about once a minute on every node: what one node does, no other does again. It also picks up changes that Invalidate was
// never called for. The errors of several environments are joined; none keeps the others from their turn.
func (s *Sealer) Tick(ctx context.Context) error {
	return each(ctx, s.Environments, "rotate sealing keys", func(env environments.ID) error { return s.tick(ctx, env) })
}

func (s *Sealer) tick(ctx context.Context, env environments.ID) error {
	snapshot, err := s.snapshots.reload(ctx, env, s.load)
	if err != nil {
		return err
	}
	if len(snapshot.rows) == 0 {
		_, err := s.first(ctx, env)
		return err
	}
	schedule, now := s.Schedule.orDefaults(), s.now()
	newest := snapshot.rows[len(snapshot.rows)-1]
	if !now.Before(newest.SealsFrom.Add(schedule.RotateEvery - schedule.PublishBefore)) {
		if err := s.add(ctx, env, newest.ID+1, now.Add(schedule.PublishBefore)); err != nil {
			return err
		}
	}
	for i := len(snapshot.rows) - 1; i > 0; i-- {
		if key := snapshot.rows[i]; !now.Before(key.SealsFrom.Add(schedule.KeepAfter)) {
			defer s.Invalidate(env)
			return s.Store.DeleteSealingKeys(ctx, env, key.ID)
		}
	}
	return nil
}

// first makes the first key of an environment, which seals at once, and returns the snapshot with it or with the one that
// another node has just made.
func (s *Sealer) first(ctx context.Context, env environments.ID) (*sealerSnapshot, error) {
	if err := s.add(ctx, env, 1, s.now()); err != nil {
		return nil, err
	}
	snapshot, err := s.snapshots.get(ctx, env, s.load)
	if err == nil && len(snapshot.keys) == 0 {
		err = fmt.Errorf("%s has no sealing key", env)
	}
	return snapshot, err
}

// add makes a key, unless there is one with its ID.
func (s *Sealer) add(ctx context.Context, env environments.ID, id uint32, sealsFrom time.Time) error {
	secret := make([]byte, chacha20poly1305.KeySize)
	rand.Read(secret)
	defer clear(secret)
	key := SealingKey{ID: id, Environment: env, CreatedAt: s.now(), SealsFrom: sealsFrom}
	key.Secret = s.Vault.Encrypt(key.label(), secret)
	defer s.Invalidate(env)
	if err := s.Store.AddSealingKey(ctx, env, key); err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("add sealing key of %s: %w", env, err)
	}
	return nil
}

// Rewrap encrypts every sealing key that is not under the Vault's current key-encryption key anew, and returns how many
// there were.
func (s *Sealer) Rewrap(ctx context.Context) (moved int, err error) {
	err = each(ctx, s.Environments, "rewrap sealing keys", func(env environments.ID) error {
		rows, err := s.Store.SealingKeys(ctx, env)
		if err != nil {
			return err
		}
		for _, key := range rows {
			if s.Vault.Current(key.Secret) {
				continue
			}
			wrapped, err := s.Vault.Rewrap(key.label(), key.Secret)
			if err != nil {
				return err
			}
			if err := s.Store.RewrapSealingKey(ctx, env, key.ID, key.Secret, wrapped); err != nil {
				return fmt.Errorf("rewrap %d: %w", key.ID, err)
			}
			moved++
		}
		return nil
	})
	return moved, err
}

// Invalidate makes the next use read the environment's keys anew. The server calls it when another node or process may
// have changed them.
func (s *Sealer) Invalidate(env environments.ID) { s.snapshots.invalidate(env) }

// InvalidateAll is Invalidate for every environment.
func (s *Sealer) InvalidateAll() { s.snapshots.invalidateAll() }

func (s *Sealer) load(ctx context.Context, env environments.ID, _ *sealerSnapshot) (*sealerSnapshot, error) {
	rows, err := s.Store.SealingKeys(ctx, env)
	if err != nil {
		return nil, fmt.Errorf("load sealing keys of %s: %w", env, err)
	}
	snapshot := &sealerSnapshot{rows: rows}
	for _, row := range rows {
		secret, err := s.Vault.Decrypt(row.label(), row.Secret)
		if err != nil {
			return nil, fmt.Errorf("load sealing keys of %s: %w", env, err)
		}
		aead, err := chacha20poly1305.NewX(secret)
		clear(secret)
		if err != nil {
			return nil, fmt.Errorf("load sealing key %d of %s: %w", row.ID, env, err)
		}
		snapshot.keys = append(snapshot.keys, openedKey{row.ID, row.SealsFrom, aead})
	}
	return snapshot, nil
}

// now is the time as the SealingStore keeps it.
func (s *Sealer) now() time.Time { return s.Now().UTC().Truncate(time.Microsecond) }

func (k *SealingKey) label() Label {
	return Label{Environment: k.Environment, ID: strconv.FormatUint(uint64(k.ID), 10), Purpose: "sealing key"}
}
