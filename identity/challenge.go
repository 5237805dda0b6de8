package identity

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
	"unicode"

	"go.jetify.com/typeid/v2"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

// The life of a code.
const (
	CodeLifetime = 10 * time.Minute
	codeTries    = 5
	codeDigits   = 6
	resendAfter  = 30 * time.Second
)

// What is wrong with a code. ErrCodeExpired is also the answer when its tries are used up.
var (
	ErrCodeWrong   = fault.Invalidf("code", "That code is not right. Check the newest email.")
	ErrCodeExpired = fault.Invalidf("code", "That code has expired. Send a new one.")
	ErrCodeUsed    = fault.Invalidf("code", "That code was already used. Send a new one.")
)

const codeLabel = "challenge code"

// ResendAt is when a new code may be sent.
func (c *Challenge) ResendAt() time.Time { return c.CreatedAt.Add(resendAfter) }

// Challenge returns the challenge by ID in whatever state, for a page that waits for its code. It returns ErrNotFound.
func (r *Registry) Challenge(ctx context.Context, env environments.ID, id string) (*Challenge, error) {
	c, err := r.Store.Challenge(ctx, env, id)
	if err != nil {
		return nil, fmt.Errorf("challenge: %w", err)
	}
	return c, nil
}

// ResendCode mails a new code, with all tries, to the address of a challenge that wasn't used; the old code is void. The ID stays.
// Where the first mail had no code, this one has none either. Errors: ErrCodeUsed; ErrCodeExpired for an unknown one;
// fault.TooMany before Challenge.ResendAt, and beyond 3 mails a minute to an address.
func (r *Registry) ResendCode(ctx context.Context, env environments.ID, challengeID string) error {
	fail := func(err error) error { return fmt.Errorf("resend code: %w", err) }
	c, err := r.Store.Challenge(ctx, env, challengeID)
	if errors.Is(err, ErrNotFound) {
		return fail(ErrCodeExpired)
	} else if err != nil {
		return fail(err)
	}
	if !c.UsedAt.IsZero() {
		return fail(ErrCodeUsed)
	}
	if wait := c.ResendAt().Sub(r.Now()); wait > 0 {
		return fail(tooMany(wait))
	}
	if err := r.Throttle.mail(ctx, env, c.Email); err != nil {
		return fail(err)
	}
	if err := r.challenge(ctx, c); err != nil {
		return fail(err)
	}
	return nil
}

// mailing is the Data of a challenge: what its mail is, and what its code completes.
type mailing struct {
	Kind         MailKind    `json:"mail"` // without a code, nothing can complete the challenge
	To           string      `json:"to"`
	About        MailContext `json:"about"`
	Name         string      `json:"name,omitempty"`
	PasswordHash string      `json:"password_hash,omitempty"`
	User         ID          `json:"user,omitempty"`
}

// coded reports whether the mail has a code.
func (m *mailing) coded() bool { return m.Kind == MailVerifyEmail || m.Kind == MailPasswordReset }

func newChallenge(env environments.ID, purpose Purpose, subject, emailKey string, m mailing) (*Challenge, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return &Challenge{
		ID: typeid.MustGenerate("chg").String(), Environment: env, Purpose: purpose, Subject: subject, Email: emailKey, Data: data,
	}, nil
}

func (c *Challenge) mailing() (*mailing, error) {
	var m mailing
	if err := json.Unmarshal(c.Data, &m); err != nil {
		return nil, fmt.Errorf("challenge %s: %w", c.ID, err)
	}
	return &m, nil
}

// challenge gives c a new code and keeps and mails it. A code that isn't mailed is no less random, so that no guess is right.
func (r *Registry) challenge(ctx context.Context, c *Challenge) error {
	m, err := c.mailing()
	if err != nil {
		return err
	}
	mail := Mail{Kind: m.Kind, Environment: c.Environment, To: m.To, Interaction: c.Subject, MailContext: m.About}
	if m.coded() {
		mail.Code, mail.Valid = newCode(), CodeLifetime
		c.CodeHash = r.Pepper.Sum(codeLabel, c.secret(mail.Code))
	} else {
		rand.Read(c.CodeHash[:])
	}
	c.TriesLeft, c.CreatedAt = codeTries, r.Now().UTC()
	c.ExpiresAt = c.CreatedAt.Add(CodeLifetime)
	return r.InTx(ctx, func(ctx context.Context) error {
		if err := r.Store.SaveChallenge(ctx, c); err != nil {
			return err
		}
		return r.send(ctx, mail)
	})
}

// secret is what CodeHash is the hash of.
func (c *Challenge) secret(code string) []byte { return []byte(c.ID + "/" + code) }

// answer counts a try and returns the challenge if the code is right. It uses nothing up. It is not called in a transaction,
// so that the try stays counted.
func (r *Registry) answer(ctx context.Context, env environments.ID, purpose Purpose, id, code string) (*Challenge, *mailing, error) {
	code = cleanCode(code)
	if len(code) != codeDigits {
		return nil, nil, ErrCodeWrong
	}
	now := r.Now().UTC()
	c, err := r.Store.TryChallenge(ctx, env, id, now)
	if errors.Is(err, ErrNotFound) {
		return nil, nil, r.whyNot(ctx, env, id)
	} else if err != nil {
		return nil, nil, err
	}
	if c.Purpose != purpose {
		return nil, nil, ErrCodeExpired
	}
	try, err := r.Throttle.code(ctx, env, c.Email)
	if err != nil {
		return nil, nil, err
	}
	if !r.Pepper.Matches(codeLabel, c.secret(code), c.CodeHash) {
		return nil, nil, ErrCodeWrong
	}
	if err := try.succeeded(ctx); err != nil {
		return nil, nil, err
	}
	m, err := c.mailing()
	if err != nil {
		return nil, nil, err
	}
	return c, m, nil
}

// whyNot says why a challenge takes no try.
func (r *Registry) whyNot(ctx context.Context, env environments.ID, id string) error {
	c, err := r.Store.Challenge(ctx, env, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return ErrCodeExpired
	case err != nil:
		return err
	case !c.UsedAt.IsZero():
		return ErrCodeUsed
	}
	return ErrCodeExpired
}

// use marks the challenge as used in the transaction of ctx.
func (r *Registry) use(ctx context.Context, c *Challenge) error {
	err := r.Store.UseChallenge(ctx, c.Environment, c.ID, r.Now().UTC())
	if errors.Is(err, ErrNotFound) {
		return ErrCodeUsed
	}
	return err
}

func newCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // crypto/rand doesn't fail
	}
	return fmt.Sprintf("%0*d", codeDigits, n)
}

// cleanCode leaves out the blanks and dashes that people type, and returns "" for what has anything else but digits.
func cleanCode(code string) string {
	var digits strings.Builder
	for _, r := range code {
		switch {
		case '0' <= r && r <= '9' && digits.Len() <= codeDigits:
			digits.WriteRune(r)
		case unicode.IsSpace(r), r == '-':
		default:
			return ""
		}
	}
	return digits.String()
}
