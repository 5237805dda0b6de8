package grants

import "time"

// Test is a sign-in that an operator tries in the name of an application. Only the dashboard knows it, so that nobody else can
// redeem its code.
type Test struct {
	RedirectURI string // of the dashboard
	Scopes      []string
	Again       bool // somebody who is signed in already authenticates again (prompt=login)
	State       string
	Nonce       string
	Verifier    string // of PKCE (RFC 7636)
	Begun       time.Time
}
