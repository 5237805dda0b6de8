package demo

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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
	p, err := a.issuer.discover(r.Context())
	if err != nil {
		return err
	}
	before := *s.account
	if before.Token.RefreshToken == "" {
		s.report(notice{Bad: true, Title: "There is no refresh token", Text: "Portico gave none. Sign in again to get new tokens."})
		return a.goHome(w, r)
	}
	after, steps, err := a.renew(r.Context(), p, before)
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.ErrorCode == "invalid_grant" {
		s.account = nil
		n := notice{Bad: true, Title: "Your session at Portico has ended", Text: sentence(refused.ErrorDescription), Code: refused.ErrorCode}
		if n.Text == "" {
			n.Text = "Sign in again to go on."
		}
		s.report(n, steps...)
		return a.goHome(w, r)
	}
	if err != nil {
		a.log.WarnContext(r.Context(), "refresh failed", "err", err)
		s.report(failure(a.client.Name, "The refresh did not work", err), steps...)
		return a.goHome(w, r)
	}
	s.account = &after
	s.report(notice{Title: "New tokens, same session", Text: "The session goes on, and you were not asked anything."}, steps...)
	s.changes = compare(before, after)
	return a.goHome(w, r)
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
