package identity

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/memstore"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

// trustFor is how long an IP address from which the right user signed in keeps a count of its own.
const trustFor = 30 * 24 * time.Hour

// Throttle slows down guessing: of passwords, of mailed codes, and mail to people who never asked for it. Each count runs by
// GCRA in the store that all nodes share. It may be used by many goroutines.
//
// Tries are counted for each e-mail address, whether an account has it or not, and for each IP address, and one that succeeds is
// given back. An IP address from which the user signed in lately has a count of its own for her account, so that nobody elsewhere
// can use up her tries.
type Throttle struct {
	store throttled.GCRAStoreCtx

	passwords     *throttled.GCRARateLimiterCtx // of an e-mail address
	passwordsFrom *throttled.GCRARateLimiterCtx // by an IP address
	codes         *throttled.GCRARateLimiterCtx // of an e-mail address: 3 mails a minute with 5 tries each would be 2 % of all codes a day
	mails         *throttled.GCRARateLimiterCtx // to an e-mail address
	mailsFrom     *throttled.GCRARateLimiterCtx // caused by an IP address
}

// NewThrottle counts in the store. A key has at most 400 bytes. The store must keep the TTL of a key, and may be told one that has passed.
func NewThrottle(store throttled.GCRAStoreCtx) (*Throttle, error) {
	t := &Throttle{store: store}
	for _, l := range []struct {
		limiter **throttled.GCRARateLimiterCtx
		rate    throttled.Rate
		burst   int
	}{
		{&t.passwords, throttled.PerMin(10), 10},
		{&t.passwordsFrom, throttled.PerMin(100), 100},
		{&t.codes, throttled.PerHour(20), 20},
		{&t.mails, throttled.PerMin(3), 3},
		{&t.mailsFrom, throttled.PerMin(100), 100},
	} {
		limiter, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{MaxRate: l.rate, MaxBurst: l.burst - 1})
		if err != nil {
			return nil, fmt.Errorf("throttle: %w", err)
		}
		limiter.SetMaxCASAttemptsLimit(100) // those who lose the race for a key ask again, and find it used up
		*l.limiter = limiter
	}
	return t, nil
}

// NewMemoryThrottle counts in the memory of this process, for the 100,000 keys that were used last.
func NewMemoryThrottle(now func() time.Time) (*Throttle, error) {
	store, err := memstore.New(100_000)
	if err != nil {
		return nil, fmt.Errorf("throttle: %w", err)
	}
	store.SetTimeNow(now)
	return NewThrottle(throttled.WrapStoreWithContext(store))
}

// try is one try that counts until it is given back.
type try struct {
	counts []count
	store  throttled.GCRAStoreCtx
	trust  string // the key of a trusted IP address for the account; "" if it is not known
}

type count struct {
	limiter *throttled.GCRARateLimiterCtx
	key     string
}

// password counts a try of the account's password.
func (t *Throttle) password(ctx context.Context, env environments.ID, emailKey string) (*try, error) {
	return t.try(ctx, "password", t.passwords, t.passwordsFrom, env, emailKey)
}

// code counts a try of a code that was mailed to the address.
func (t *Throttle) code(ctx context.Context, env environments.ID, emailKey string) (*try, error) {
	return t.try(ctx, "code", t.codes, nil, env, emailKey)
}

// mail counts a mail.
func (t *Throttle) mail(ctx context.Context, env environments.ID, emailKey string) error {
	counts := []count{{t.mails, "mail/" + string(env) + "/" + emailKey}}
	if network := networkOf(audit.ActorOf(ctx).Address); network != "" {
		counts = append(counts, count{t.mailsFrom, "mail-from/" + network})
	}
	return charge(ctx, counts)
}

func (t *Throttle) try(ctx context.Context, what string, per, from *throttled.GCRARateLimiterCtx, env environments.ID, emailKey string) (*try, error) {
	account := string(env) + "/" + emailKey
	key := what + "/" + account
	made := &try{store: t.store}
	if network := networkOf(audit.ActorOf(ctx).Address); network != "" {
		made.trust = "trust/" + account + "/" + network
		trusted, _, err := t.store.GetWithTime(ctx, made.trust)
		if err != nil {
			return nil, fmt.Errorf("throttle %s: %w", what, err)
		}
		if trusted != -1 {
			key += "/" + network
		}
		if from != nil {
			made.counts = append(made.counts, count{from, what + "-from/" + network})
		}
	}
	made.counts = append(made.counts, count{per, key})
	if err := charge(ctx, made.counts); err != nil {
		return nil, err
	}
	return made, nil
}

// charge counts once for each, up to the first that is used up.
func charge(ctx context.Context, counts []count) error {
	for _, c := range counts {
		limited, result, err := c.limiter.RateLimitCtx(ctx, c.key, 1)
		if err != nil {
			return fmt.Errorf("throttle: %w", err)
		}
		if limited {
			return tooMany(result.RetryAfter)
		}
	}
	return nil
}

// succeeded gives the try back.
func (y *try) succeeded(ctx context.Context) error {
	for _, c := range y.counts {
		if _, _, err := c.limiter.RateLimitCtx(ctx, c.key, -1); err != nil {
			return fmt.Errorf("throttle: %w", err)
		}
	}
	return nil
}

// trusted remembers that the right user signed in from this IP address.
func (y *try) trusted(ctx context.Context) error {
	if y.trust == "" {
		return nil
	}
	if _, err := y.store.SetIfNotExistsWithTTL(ctx, y.trust, 1, trustFor); err != nil {
		return fmt.Errorf("throttle: %w", err)
	}
	return nil
}

// networkOf is the IP address, or of an IPv6 address the /64 that one customer has; "" if it is none.
func networkOf(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.Prefix(64)
	if err != nil {
		return ""
	}
	return prefix.String()
}

func tooMany(wait time.Duration) error {
	return fault.TooManyf(wait, "Too many tries. Wait %s, then try again.", inWords(wait))
}

// inWords rounds up to seconds or minutes.
func inWords(wait time.Duration) string {
	unit, name := time.Second, "second"
	if wait > time.Minute {
		unit, name = time.Minute, "minute"
	}
	n := max((wait+unit-1)/unit, 1)
	if n == 1 {
		return "1 " + name
	}
	return fmt.Sprintf("%d %ss", n, name)
}
