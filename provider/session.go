package provider

import (
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/token/jwt"
)

// tokenSession is what fosite calls a session: the facts of one token request. It is never stored.
type tokenSession struct {
	subject string
	claims  jwt.IDTokenClaims
	headers jwt.Headers
	expires map[fosite.TokenType]time.Time
}

var _ openid.Session = (*tokenSession)(nil)

func newTokenSession(subject string) *tokenSession {
	return &tokenSession{subject: subject, claims: jwt.IDTokenClaims{Subject: subject}, expires: map[fosite.TokenType]time.Time{}}
}

func (s *tokenSession) SetExpiresAt(t fosite.TokenType, at time.Time) { s.expires[t] = at }
func (s *tokenSession) GetExpiresAt(t fosite.TokenType) time.Time     { return s.expires[t] }
func (s *tokenSession) GetUsername() string                           { return "" }
func (s *tokenSession) GetSubject() string                            { return s.subject }
func (s *tokenSession) IDTokenClaims() *jwt.IDTokenClaims             { return &s.claims }
func (s *tokenSession) IDTokenHeaders() *jwt.Headers                  { return &s.headers }

// Clone returns the same session: nothing is stored, so nothing needs a copy.
func (s *tokenSession) Clone() fosite.Session { return s }
