package grants

import (
	"encoding/json"
	"time"

	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
)

// PreviewRequest is a sign-in that didn't happen.
type PreviewRequest struct {
	User         identity.ID      // "" for a token by client credentials
	Organization organizations.ID // "" where the user needs to choose none
	Scopes       []string         // as a client would ask for them
	Ago          time.Duration    // since the user authenticated
}

// Contents is what the tokens of a sign-in say, and how long each is good for.
type Contents struct {
	Scopes       []string // that were granted
	User         identity.ID
	Organization organizations.ID // "" for none

	// JSON objects; nil for what there is none of.
	IDToken       json.RawMessage
	AccessToken   json.RawMessage // of a JWT; an opaque one says nothing
	UserInfo      json.RawMessage
	Introspection json.RawMessage

	Lifetimes Lifetimes
}

// Lifetimes are how long what a sign-in issues is good for, as the policy of the application stands.
type Lifetimes struct {
	AccessToken time.Duration
	ClippedBy   sessions.EndedReason // the clock of the session that ends before an access token would; "" if none does
	IDToken     time.Duration        // 0 if there is none
	Refreshable bool                 // a refresh token was asked for, and is issued

	// Of the session; zero for client credentials.
	SessionEnds time.Time            // unless it is used
	EndedBy     sessions.EndedReason // the clock that does it
	SessionMax  time.Time            // even if it is used
}
