package demo

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// redeem exchanges the code for tokens and asks the provider about the person. The steps tell how
// far it came.
func (a *app) redeem(ctx context.Context, p *provider, in signIn, code string) (*account, []step, error) {
	if code == "" {
		return nil, nil, errors.New("the answer has neither code nor error")
	}
	token, err := p.oauth(a.client, a.redirectURI()).Exchange(a.issuer.context(ctx), code, oauth2.VerifierOption(in.Verifier))
	steps := []step{a.codeStep(p, code, in.Verifier, token)}
	if err != nil {
		return nil, steps, err
	}
	acc := &account{Token: token, Received: a.now()}
	id, err := a.readIDToken(ctx, p, acc)
	if err != nil {
		return nil, steps, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(in.Nonce)) != 1 {
		return nil, steps, errors.New("the nonce of the ID token is not the one that was sent")
	}
	acc.Subject = id.Subject
	steps = append(steps, a.verifyStep(p, acc, "nonce is the one that was sent"), a.askUserInfo(ctx, p, acc))
	return acc, steps, nil
}

// readIDToken verifies the ID token of acc.Token and sets what acc has of it, but for the subject.
func (a *app) readIDToken(ctx context.Context, p *provider, acc *account) (*oidc.IDToken, error) {
	raw, ok := acc.Token.Extra("id_token").(string)
	if !ok {
		return nil, errors.New("the token response has no id_token")
	}
	id, claims, err := p.verify(a.issuer.context(ctx), a.client.ID, raw, acc.Token.AccessToken)
	if err != nil {
		return nil, fmt.Errorf("ID token: %w", err)
	}
	acc.IDToken, acc.Issued, acc.Expires, acc.Claims = raw, id.IssuedAt, id.Expiry, claims
	return id, id.Claims(&acc.AllID)
}

// askUserInfo sets acc.UserInfo. The sign-in stands without it, so a failure is only told.
func (a *app) askUserInfo(ctx context.Context, p *provider, acc *account) step {
	info, err := p.UserInfo(a.issuer.context(ctx), oauth2.StaticTokenSource(acc.Token))
	var claims json.RawMessage
	if err == nil && info.Subject != acc.Subject { // OIDC Core §5.3.2
		err = errors.New("it speaks of another sub")
	}
	if err == nil {
		err = info.Claims(&claims)
	}
	if err != nil {
		a.log.WarnContext(ctx, "userinfo failed", "err", err)
		return a.userInfoStep(p, acc, "No answer that can be used, so only the ID token says who you are")
	}
	acc.UserInfo = claims
	return a.userInfoStep(p, acc, "sub is the one of the ID token")
}

// refresh serves POST /notes/refresh.
func (a *app) refresh(w http.ResponseWriter, r *http.Request, s *session) error {
	if err := a.useRefreshToken(r, s); err != nil {
		return err
	}
	return a.goHome(w, r)
}

// useRefreshToken gets new tokens for the account of s, or signs it out if the provider says that its session has ended. The
// session reports which; its error is that the provider can't be reached.
func (a *app) useRefreshToken(r *http.Request, s *session) error {
	p, err := a.issuer.discover(r.Context())
	if err != nil {
		return err
	}
	before := *s.account
	if before.Token.RefreshToken == "" {
		s.report(notice{Bad: true, Title: "There is no refresh token", Text: "Portico gave none. Sign in again to get new tokens."})
		return nil
	}
	after, steps, err := a.renew(r.Context(), p, before)
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.ErrorCode == "invalid_grant" {
		s.account = nil
		a.sessions.left(r)
		s.report(a.farewell(before, refused), steps...)
		return nil
	}
	if err != nil {
		a.log.WarnContext(r.Context(), "refresh failed", "err", err)
		s.report(failure(a.client.Name, "The refresh did not work", err), steps...)
		return nil
	}
	s.account = &after
	s.report(notice{Title: "New tokens, same session", Text: "The session goes on, and you were not asked anything."}, steps...)
	s.changes = compare(before, after)
	return nil
}

// endedForm is how the provider tells developers when and why a session ended.
var endedForm = regexp.MustCompile(`ended at (\S+): (\w+)`)

// farewell says why the account is signed out, as the provider's refusal of its refresh token has it.
func (a *app) farewell(acc account, refused *oauth2.RetrieveError) notice {
	n := notice{Bad: true, Title: "Your session at Portico has ended", Text: cmp.Or(sentence(refused.ErrorDescription), "Sign in again to go on."), Code: refused.ErrorCode}
	told := endedForm.FindStringSubmatch(refused.ErrorDescription)
	if told == nil {
		return n
	}
	ended, err := time.Parse(time.RFC3339, told[1])
	if err != nil {
		return n
	}
	switch told[2] {
	case "inactivity":
		n.Title = fmt.Sprintf("You were signed out of %s because you were away for %s", a.client.Name, lasting(ended.Sub(acc.Received)))
	case "max_length":
		n.Title = fmt.Sprintf("You were signed out of %s because you signed in %s before", a.client.Name, lasting(ended.Sub(seconds(acc.Claims.AuthTime))))
	}
	return n
}

// askDeadline sets acc.Ends: what introspection says of the refresh token (RFC 7662 §2.2). Without an answer it stays as it was.
func (a *app) askDeadline(ctx context.Context, acc *account) {
	p, err := a.issuer.discover(ctx)
	if err != nil || p.Introspect == "" || acc.Token.RefreshToken == "" {
		return
	}
	answer, err := a.introspect(ctx, p, acc.Token.RefreshToken)
	switch {
	case err != nil:
		a.log.WarnContext(ctx, "introspection failed", "err", err)
	case !answer.Active:
		acc.Ends = a.now()
	default:
		acc.Ends = seconds(answer.Expires)
	}
}

// introspection is what the demo reads of an introspection response.
type introspection struct {
	Active  bool  `json:"active"`
	Expires int64 `json:"exp"` // seconds since the epoch; 0 if the provider didn't say
}

func (a *app) introspect(ctx context.Context, p *provider, token string) (answer introspection, err error) {
	form := url.Values{"token": {token}, "token_type_hint": {"refresh_token"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Introspect, strings.NewReader(form.Encode()))
	if err != nil {
		return answer, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(a.client.ID), url.QueryEscape(a.client.Secret))
	response, err := a.issuer.HTTP.Do(r)
	if err != nil {
		return answer, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return answer, fmt.Errorf("introspection answered %s", response.Status)
	}
	return answer, json.NewDecoder(io.LimitReader(response.Body, maxBody)).Decode(&answer)
}

// renew spends the refresh token of the account and returns the account with what came back.
func (a *app) renew(ctx context.Context, p *provider, acc account) (account, []step, error) {
	spent := &oauth2.Token{RefreshToken: acc.Token.RefreshToken, Expiry: time.Unix(1, 0)}
	token, err := p.oauth(a.client, a.redirectURI()).TokenSource(a.issuer.context(ctx), spent).Token()
	steps := []step{a.refreshStep(p, spent.RefreshToken, token)}
	if err != nil {
		return acc, steps, err
	}
	acc.Token, acc.Received = token, a.now()
	if token.Extra("id_token") != nil {
		authTime := acc.Claims.AuthTime
		id, err := a.readIDToken(ctx, p, &acc)
		if err != nil {
			return acc, steps, err
		}
		// OIDC Core §12.2. A later auth_time is a sign-in in another tab.
		if id.Subject != acc.Subject || acc.Claims.AuthTime != 0 && acc.Claims.AuthTime < authTime {
			return acc, steps, errors.New("the new ID token is about somebody else, or about an earlier sign-in")
		}
		steps = append(steps, a.verifyStep(p, &acc, "sub is the same as before"))
	}
	return acc, append(steps, a.askUserInfo(ctx, p, &acc)), nil
}
