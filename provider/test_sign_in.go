package provider

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/sessions"
)

// BeginTest begins a test sign-in of the application, which is answered at test.RedirectURI, and returns the address from which
// a browser does it, once and within sessions.TestLifetime. It chooses the secrets of the test. Errors: a fault that says what of
// the request the application may not have.
func (p *Provider) BeginTest(ctx context.Context, env *environments.Environment, app *clients.Application, test *grants.Test) (string, error) {
	ctx = environments.NewContext(ctx, env)
	test.State, test.Nonce, test.Verifier, test.Begun = rand.Text(), rand.Text(), rand.Text()+rand.Text(), p.Now().UTC()
	challenge := sha256.Sum256([]byte(test.Verifier))
	form := url.Values{
		"client_id": {app.ClientID}, "redirect_uri": {test.RedirectURI}, "response_type": {"code"}, "scope": {strings.Join(test.Scopes, " ")},
		"state": {test.State}, "nonce": {test.Nonce},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	if test.Again {
		form.Set("prompt", "login")
	}
	req, err := p.parse(ctx, form, test.RedirectURI)
	if err != nil {
		return "", refusedTest(err)
	}
	after := (&situation{now: test.Begun, request: req}).authenticatedAfter()
	request, err := json.Marshal(form)
	if err != nil {
		return "", err
	}
	var address string
	err = p.InTx(ctx, func(ctx context.Context) error {
		i, ticket, err := p.Sessions.BeginTest(ctx, app, request, after, test.RedirectURI)
		if err != nil {
			return err
		}
		address = env.Issuer(p.PublicURL) + "/oauth2/authorize?" + url.Values{"interaction": {string(i.ID)}, "ticket": {string(ticket)}}.Encode()
		return p.Ledger.Audit.Record(ctx, audit.Event{
			Name: "application.sign_in_test_started", Environment: string(env.ID), Application: string(app.ID), Target: string(app.ID), Data: map[string]any{"scopes": test.Scopes},
		})
	})
	return address, err
}

// refusedTest makes of an answer to a client what an operator reads.
func refusedTest(err error) error {
	var page *pageError
	if errors.As(err, &page) {
		return fault.Invalidf("", "%s %s", page.field, page.text)
	}
	if e := oauthError(err); e.CodeField < http.StatusInternalServerError {
		return fault.Invalidf("", "%s", describe(e))
	}
	return err
}

// adoptTest binds a test sign-in to the browser that comes with its ticket, and goes on with it.
func (p *Provider) adoptTest(w http.ResponseWriter, r *http.Request, id sessions.InteractionID, ticket sessions.Handle) {
	ctx := r.Context()
	env := environments.FromContext(ctx)
	handle, err := p.handled(w, r, env, p.Cookies.Handle(r, env))
	if err == nil {
		err = p.Sessions.Adopt(ctx, env.ID, id, ticket, handle)
	}
	switch {
	case errors.Is(err, sessions.ErrNotFound):
		p.showError(w, r, &pageError{"ticket", "is that of a test sign-in which is over, or was opened before. Start another in the dashboard.", ""})
	case err != nil:
		p.showError(w, r, err)
	default:
		p.leave(w, r, env.PathPrefix()+"/oauth2/authorize?"+url.Values{"interaction": {string(id)}}.Encode())
	}
}

// FinishTest redeems the code that answered a test sign-in, as the application would, and returns what its tokens say. They are
// good for nothing afterwards: grant and session end with it, unless the session was there before. Errors: a fault that says
// why there are no tokens.
func (p *Provider) FinishTest(ctx context.Context, env *environments.Environment, app *clients.Application, test *grants.Test, code string, by grants.Caller) (*grants.Contents, error) {
	ctx = environments.NewContext(ctx, env)
	form := url.Values{
		"grant_type": {clients.GrantAuthorizationCode}, "client_id": {app.ClientID}, "code": {code}, "redirect_uri": {test.RedirectURI}, "code_verifier": {test.Verifier},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, env.Issuer(p.PublicURL)+"/oauth2/token", nil)
	if err != nil {
		return nil, err
	}
	r.Form, r.PostForm = form, form
	f := &flow{environment: env, caller: by, tested: app}
	reply, err := p.redeem(r, form, f)
	if err != nil {
		return nil, refusedTest(err)
	}
	t, err := p.open(ctx, reply.AccessToken, p.Ledger.Store.State)
	if err != nil {
		return nil, err
	}
	c, err := p.contents(ctx, t)
	if err != nil {
		return nil, err
	}
	if reply.IDToken != "" {
		if c.IDToken, err = p.verifyTested(ctx, env, test, reply.IDToken); err != nil {
			return nil, err
		}
		c.Lifetimes.IDToken = app.SessionPolicy.IDTokenLifetime
	}
	c.Lifetimes.Refreshable = reply.RefreshToken != ""
	return c, p.endTest(ctx, env, app, test, t)
}

// verifyTested checks an ID token as far as our own may be wrong (OIDC Core §3.1.3.7) and returns its claims.
func (p *Provider) verifyTested(ctx context.Context, env *environments.Environment, test *grants.Test, token string) (json.RawMessage, error) {
	payload, _, err := p.Keys.Verify(ctx, env.ID, token)
	if err != nil {
		return nil, err
	}
	var claims struct {
		Nonce string `json:"nonce"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Nonce != test.Nonce {
		return nil, errors.Join(errors.New("the ID token of a test sign-in has another nonce"), err)
	}
	return payload, nil
}

func (p *Provider) endTest(ctx context.Context, env *environments.Environment, app *clients.Application, test *grants.Test, t *liveToken) error {
	return p.InTx(ctx, func(ctx context.Context) error {
		if err := p.Ledger.Revoke(ctx, env.ID, &t.state.Grant, "sign_in_tested"); err != nil {
			return err
		}
		session, err := p.Sessions.Store.Session(ctx, env.ID, t.state.Session.ID)
		if err == nil && session.CreatedAt.After(test.Begun) {
			_, err = p.Sessions.End(ctx, env.ID, sessions.Selection{Session: session.ID}, sessions.EndedByOperator)
		}
		if err != nil {
			return err
		}
		return p.Ledger.Audit.Record(ctx, audit.Event{
			Name: "application.sign_in_tested", Environment: string(env.ID), Application: string(app.ID), Target: string(t.state.Grant.User),
			Data: map[string]any{"session": session.ID, "seconds": int64(p.Now().Sub(test.Begun) / time.Second)},
		})
	})
}
