// Package delivery tells applications what happened: back-channel logout, with retries and a report.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.jetify.com/typeid/v2"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/sessions"
)

// Logout is a logout token that an application is to get (OpenID Connect Back-Channel Logout 1.0). It is kept from the
// transaction that ends the session, so no crash loses it.
type Logout struct {
	ID          string // lgo_…: the jti of its token
	Environment environments.ID
	Application clients.ID
	Session     sessions.ID
	User        identity.ID
	CreatedAt   time.Time
	Attempts    int
	NextAt      time.Time // when it is tried next; zero once it is settled
	DeliveredAt time.Time // zero until the application took it
	FailedAt    time.Time // zero unless it was given up
	Error       string    // why the last attempt failed, for operators to read; "" before the first, and if it succeeded
}

// State is what has become of a delivery.
type State string

// The states.
const (
	Pending   State = "pending" // it is tried, or tried again
	Delivered State = "delivered"
	Failed    State = "failed" // it was given up
)

// State is what has become of it.
func (l *Logout) State() State {
	switch {
	case !l.DeliveredAt.IsZero():
		return Delivered
	case !l.FailedAt.IsZero():
		return Failed
	}
	return Pending
}

// Store keeps logouts.
type Store interface {
	// AddLogouts adds them in the transaction of ctx.
	AddLogouts(ctx context.Context, logouts []Logout) error
	// TakeLogouts returns at most limit logouts that are due at now, counts an attempt of each, and moves their NextAt to until, so
	// that no other node takes them meanwhile; one whose taker dies is due again then.
	TakeLogouts(ctx context.Context, now, until time.Time, limit int) ([]Logout, error)
	// SettleLogout saves NextAt, DeliveredAt, FailedAt and Error.
	SettleLogout(ctx context.Context, l *Logout) error
	// Logouts returns at most limit of the application's, the latest first, from the one after older on ("" is from the latest
	// on), and whether there are more.
	Logouts(ctx context.Context, env environments.ID, app clients.ID, older string, limit int) (page []Logout, more bool, err error)
}

// Logouts delivers logout tokens. It is safe for concurrent use, on any number of nodes.
type Logouts struct {
	Store        Store
	Environments *environments.Registry
	Applications *clients.Registry
	Keys         *keys.Ring
	PublicURL    *url.URL
	Client       *http.Client // of NewClient
	Now          func() time.Time
}

// waits are the pauses before each further attempt: about a day in all.
var waits = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 3 * time.Hour, 8 * time.Hour, 12 * time.Hour,
}

const (
	attemptTimeout = 5 * time.Second
	leaseTime      = 30 * time.Second
	batch          = 32
)

// SessionsEnded implements sessions.Listener: it keeps a logout for each session whose application wants to be told.
func (l *Logouts) SessionsEnded(ctx context.Context, env environments.ID, ended []sessions.Session) error {
	now := l.Now().UTC()
	var logouts []Logout
	for i := range ended {
		app, err := l.Applications.ByID(ctx, env, ended[i].Application)
		if errors.Is(err, clients.ErrNotFound) {
			continue // deleted: there is nobody to tell
		}
		if err != nil {
			return fmt.Errorf("find the application of %s: %w", ended[i].ID, err)
		}
		if app.BackchannelLogoutURI == "" {
			continue
		}
		logouts = append(logouts, Logout{
			ID: typeid.MustGenerate("lgo").String(), Environment: env, Application: app.ID, Session: ended[i].ID, User: ended[i].User,
			CreatedAt: now, NextAt: now,
		})
	}
	if len(logouts) == 0 {
		return nil
	}
	return l.Store.AddLogouts(ctx, logouts)
}

// Deliver tries what is due, until nothing is. It returns how many applications took theirs, and what went wrong on our side:
// such logouts are tried again, as those that an application doesn't take.
func (l *Logouts) Deliver(ctx context.Context) (delivered int, err error) {
	for {
		now := l.Now().UTC()
		due, failed := l.Store.TakeLogouts(ctx, now, now.Add(leaseTime), batch)
		if failed != nil || len(due) == 0 {
			return delivered, errors.Join(err, failed)
		}
		var trying sync.WaitGroup
		settled := make([]error, len(due))
		for i := range due {
			trying.Go(func() { settled[i] = l.attempt(ctx, &due[i]) })
		}
		trying.Wait()
		err = errors.Join(append(settled, err)...)
		for i := range due {
			if due[i].State() == Delivered {
				delivered++
			}
		}
	}
}

// attempt posts one logout token and saves what came of it. Its error is of our side alone.
func (l *Logouts) attempt(ctx context.Context, logout *Logout) error {
	err := l.post(ctx, logout)
	now, delivered := l.Now().UTC(), err == nil
	var theirs refusal
	switch {
	case delivered:
		logout.Error = ""
	case errors.As(err, &theirs):
		logout.Error, err = string(theirs), nil
	default:
		logout.Error, err = "internal error", fmt.Errorf("deliver %s: %w", logout.ID, err)
	}
	switch {
	case delivered:
		logout.DeliveredAt, logout.NextAt = now, time.Time{}
	case logout.Attempts > len(waits):
		logout.FailedAt, logout.NextAt = now, time.Time{}
	default:
		logout.NextAt = now.Add(waits[logout.Attempts-1])
	}
	return errors.Join(err, l.Store.SettleLogout(ctx, logout))
}

// refusal is why an application didn't take its logout token, in words that its operator may read.
type refusal string

func (r refusal) Error() string { return string(r) }

// unreachable tells what kept a request from being answered, without the address, which the operator knows.
func unreachable(err error) refusal {
	var sent *url.Error
	switch {
	case !errors.As(err, &sent):
		return refusal(err.Error())
	case sent.Timeout():
		return refusal(fmt.Sprintf("no answer within %s", attemptTimeout))
	}
	return refusal(sent.Err.Error())
}

// logoutEvent is the member of events that makes a token a logout token (§2.4).
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

func (l *Logouts) post(ctx context.Context, logout *Logout) error {
	app, err := l.Applications.ByID(ctx, logout.Environment, logout.Application)
	if errors.Is(err, clients.ErrNotFound) {
		return refusal("the application is gone")
	}
	if err != nil {
		return err
	}
	if app.BackchannelLogoutURI == "" {
		return refusal("the application has no backchannel_logout_uri any more")
	}
	token, err := l.token(ctx, app, logout)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	form := url.Values{"logout_token": {token}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, app.BackchannelLogoutURI, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := l.Client.Do(r)
	if err != nil {
		return unreachable(err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, 4<<10) // so that the connection can be used again
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusNoContent {
		return refusal("the application answered " + response.Status)
	}
	return nil
}

// token makes the logout token (§2.4): signed as the application's ID tokens are, without a nonce.
func (l *Logouts) token(ctx context.Context, app *clients.Application, logout *Logout) (string, error) {
	env, err := l.Environments.ByID(ctx, logout.Environment)
	if err != nil {
		return "", err
	}
	algorithm := keys.Algorithm(app.IDTokenSignedResponseAlg)
	if algorithm == "" {
		algorithm = keys.RS256
	}
	now := l.Now().UTC()
	return l.Keys.Sign(ctx, logout.Environment, algorithm, "logout+jwt", map[string]any{
		"iss": env.Issuer(l.PublicURL), "aud": app.ClientID, "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": logout.ID,
		"sub": logout.User, "sid": logout.Session, "events": map[string]any{logoutEvent: struct{}{}},
	})
}
