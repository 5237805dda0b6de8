package admin

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

// Answers remembers for a day what was answered to a request that must not be done twice: the same request with the same
// idempotency key of the same API key gets the same answer. It is safe for concurrent use, on any number of nodes.
//
// An answer may show a secret, so it is kept sealed under the text of the API key, which is nowhere kept: a reader of the
// database learns nothing.
type Answers struct {
	Store AnswerStore
	Now   func() time.Time
}

// AnswerLifetime is how long an answer is remembered.
const AnswerLifetime = 24 * time.Hour

// working is the longest that a request takes. Its answer is lost if it isn't there by then.
const working = time.Minute

// Errors of Answers.
var (
	ErrOtherRequest = errors.New("the idempotency key was used for another request")
	ErrWorking      = &fault.Error{Kind: fault.Conflict, RetryAfter: time.Second, Message: "The same request is being worked on. Send it again in a second."}
	ErrAnswerLost   = fault.Conflictf("", "The same request was interrupted, and may or may not have been done. Look, and if not, send it with another Idempotency-Key.")
)

// Attempt is a request with an idempotency key.
type Attempt struct {
	APIKey    *clients.APIKey
	Presented string // the API key in clear
	Key       string // the idempotency key
	Request   [32]byte
}

// Answer is what was answered.
type Answer struct {
	Status  int                 `json:"status"`
	Headers map[string][]string `json:"headers"`
	Body    []byte              `json:"body"`
}

// AnswerID names an answer.
type AnswerID struct {
	Environment environments.ID
	APIKey      string
	Key         [32]byte // hash of the idempotency key
}

// KeptAnswer is an answer as it is stored.
type KeptAnswer struct {
	Request   [32]byte
	Sealed    []byte // nil while the request is worked on
	CreatedAt time.Time
}

// AnswerStore keeps answers.
type AnswerStore interface {
	// ClaimAnswer keeps that the request is being worked on, in one conditional statement, unless there is an answer that
	// hasn't expired at now: it then returns that, and claimed is false.
	ClaimAnswer(ctx context.Context, id AnswerID, request [32]byte, now, expires time.Time) (kept KeptAnswer, claimed bool, err error)
	// SaveAnswer adds what was answered.
	SaveAnswer(ctx context.Context, id AnswerID, sealed []byte) error
	// ForgetAnswer removes it. One that is gone is no error.
	ForgetAnswer(ctx context.Context, id AnswerID) error
}

// Begin returns the answer if the request was done before. Otherwise the caller does it now, and then calls Keep or Forget.
// Errors: ErrOtherRequest; ErrWorking; ErrAnswerLost.
func (a *Answers) Begin(ctx context.Context, t Attempt) (answer Answer, done bool, err error) {
	now := a.Now().UTC()
	kept, claimed, err := a.Store.ClaimAnswer(ctx, t.id(), t.Request, now, now.Add(AnswerLifetime))
	switch {
	case err != nil:
		return Answer{}, false, fmt.Errorf("claim an idempotency key: %w", err)
	case claimed:
		return Answer{}, false, nil
	case kept.Request != t.Request:
		return Answer{}, false, ErrOtherRequest
	case kept.Sealed == nil && now.Before(kept.CreatedAt.Add(working)):
		return Answer{}, false, ErrWorking
	case kept.Sealed == nil:
		return Answer{}, false, ErrAnswerLost
	}
	text, err := t.open(kept.Sealed)
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil {
		return Answer{}, false, fmt.Errorf("open an answer: %w", err)
	}
	return answer, true, nil
}

// Keep remembers what was answered.
func (a *Answers) Keep(ctx context.Context, t Attempt, answer Answer) error {
	text, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("write an answer as JSON: %w", err)
	}
	sealed, err := t.seal(text)
	if err == nil {
		err = a.Store.SaveAnswer(ctx, t.id(), sealed)
	}
	if err != nil {
		return fmt.Errorf("keep an answer: %w", err)
	}
	return nil
}

// Forget lets the request be tried again, as nothing was done.
func (a *Answers) Forget(ctx context.Context, t Attempt) error {
	if err := a.Store.ForgetAnswer(ctx, t.id()); err != nil {
		return fmt.Errorf("forget an idempotency key: %w", err)
	}
	return nil
}

func (t *Attempt) id() AnswerID {
	return AnswerID{Environment: t.APIKey.Environment, APIKey: t.APIKey.ID, Key: sha256.Sum256([]byte(t.Key))}
}

func (t *Attempt) seal(text []byte) ([]byte, error) {
	box, err := t.box()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, box.NonceSize())
	rand.Read(nonce)
	return box.Seal(nonce, nonce, text, nil), nil
}

func (t *Attempt) open(sealed []byte) ([]byte, error) {
	box, err := t.box()
	if err != nil {
		return nil, err
	}
	if len(sealed) < box.NonceSize() {
		return nil, errors.New("it is too short")
	}
	return box.Open(nil, sealed[:box.NonceSize()], sealed[box.NonceSize():], nil)
}

// box is of the API key and the request: none opens what another has sealed.
func (t *Attempt) box() (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(t.Presented), t.Request[:], "portico idempotency answer", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
