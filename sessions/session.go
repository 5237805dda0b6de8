// Package sessions keeps browser sessions and their cookie, the sessions of users in applications, and interactions:
// authorization requests that wait for the End-User.
package sessions

import (
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
)

// ID identifies a user's session in one application: ses_…. It is the sid of its tokens.
type ID string

// BrowserID identifies a browser session: brs_…
type BrowserID string

// BrowserSession is the sign-in of one user in one browser. A browser with several accounts has one for each, all found
// by the same handle, which only the cookie has in clear.
type BrowserSession struct {
	ID          BrowserID
	Environment environments.ID
	User        identity.ID
	Authentication
	Remember     bool // "keep me signed in": else it ends with the browser or after UnrememberedMax
	CreatedAt    time.Time
	LastActiveAt time.Time
	EndedAt      time.Time // zero while it was not ended
	EndedReason  EndedReason
}

// Authentication is how and when a user proved who she is.
type Authentication struct {
	AuthTime time.Time
	AMR      []string // RFC 8176
	ACR      string
}

// ACRPassword is the acr of an authentication by a password alone.
const ACRPassword = "urn:portico:acr:password"

// Session is one user's session in one application: what the three clocks run on.
type Session struct {
	ID             ID
	Environment    environments.ID
	User           identity.ID
	Application    clients.ID
	BrowserSession BrowserID        // the one it was started from, which may have ended since
	Organization   organizations.ID // in whose name she uses the application; "" for none
	Authentication
	Address      string // where it was started
	UserAgent    string
	CreatedAt    time.Time
	LastActiveAt time.Time
	EndedAt      time.Time // zero while it was not ended; the clocks may say no all the same
	EndedReason  EndedReason
	EndedBy      string // the actor's ID; "" for a clock
}

// EndedReason tells people why a session is over.
type EndedReason string

// The reasons.
const (
	EndedMaxLength           EndedReason = "max_length"
	EndedInactivity          EndedReason = "inactivity"
	EndedSignedOut           EndedReason = "signed_out"
	EndedSignedOutEverywhere EndedReason = "signed_out_everywhere"
	EndedByOperator          EndedReason = "revoked_by_operator"
	EndedByUser              EndedReason = "revoked_by_user"
	EndedPasswordReset       EndedReason = "password_reset"
	EndedRefreshReuse        EndedReason = "refresh_reuse"
	EndedCodeReuse           EndedReason = "code_reuse"
	EndedMembership          EndedReason = "membership_deactivated"
	EndedUserDisabled        EndedReason = "user_disabled"
	EndedApplicationDisabled EndedReason = "application_disabled"
	EndedApplicationDeleted  EndedReason = "application_deleted"
	EndedImpersonation       EndedReason = "impersonation_ended"
	EndedReplaced            EndedReason = "replaced" // the same browser signed in anew
)

// Deadline is the instant at which the session ends under the policy if nothing happens, and which clock does it. It is
// in the past, or now, for a session that is over. Every surface that asks whether a session is alive asks here.
//
// A policy that was retired while the session was silent counts as well: what had expired under it stays ended. So does what
// was started before the application's sessions were cut.
func (s *Session) Deadline(p *clients.SessionPolicy) (time.Time, EndedReason) {
	if !s.EndedAt.IsZero() {
		return s.EndedAt, s.EndedReason
	}
	at, why := s.clocks(p)
	if s.isCut(p) && p.Cut.At.Before(at) {
		return p.Cut.At, EndedReason(p.Cut.Reason)
	}
	return at, why
}

func (s *Session) isCut(p *clients.SessionPolicy) bool { return string(s.ID) < p.Cut.Before }

// clocks is the deadline by the policies alone.
func (s *Session) clocks(p *clients.SessionPolicy) (time.Time, EndedReason) {
	for i := range p.Retired {
		r := &p.Retired[i]
		if !s.LastActiveAt.Before(r.Until) {
			continue // it was active, so alive, after that policy
		}
		if at, why := s.deadline(r.InactivityTimeout, r.MaxSessionLength); !at.After(r.Until) {
			return at, why
		}
	}
	return s.deadline(p.InactivityTimeout, p.MaxSessionLength)
}

func (s *Session) deadline(inactivity, maximum time.Duration) (time.Time, EndedReason) {
	longest, silent := s.AuthTime.Add(maximum), s.LastActiveAt.Add(inactivity)
	if silent.Before(longest) {
		return silent, EndedInactivity
	}
	return longest, EndedMaxLength
}

// Alive reports whether the session is alive at now. A moment exactly at a deadline counts as expired.
func (s *Session) Alive(p *clients.SessionPolicy, now time.Time) bool {
	at, _ := s.Deadline(p)
	return s.EndedAt.IsZero() && !s.isCut(p) && now.Before(at) // a node whose clock is ahead may have ended it in our future
}

// Settled returns the session as its row will be: with EndedAt, EndedReason and EndedBy if it is over at now, noted or not.
func (s *Session) Settled(p *clients.SessionPolicy, now time.Time) Session {
	settled := *s
	if s.EndedAt.IsZero() && !s.Alive(p, now) {
		settled.EndedAt, settled.EndedReason = s.Deadline(p)
		if at, _ := s.clocks(p); settled.EndedAt.Before(at) {
			settled.EndedBy = p.Cut.Actor.ID
		}
	}
	return settled
}

// Deadline is the instant at which the browser session ends under the environment's clocks, and why.
func (b *BrowserSession) Deadline(p *environments.BrowserSessions) (time.Time, EndedReason) {
	if !b.EndedAt.IsZero() {
		return b.EndedAt, b.EndedReason
	}
	maximum := p.MaxLength
	if !b.Remember {
		maximum = min(maximum, p.UnrememberedMax)
	}
	longest, silent := b.AuthTime.Add(maximum), b.LastActiveAt.Add(p.InactivityTimeout)
	if silent.Before(longest) {
		return silent, EndedInactivity
	}
	return longest, EndedMaxLength
}

// Alive reports whether the browser session is alive at now.
func (b *BrowserSession) Alive(p *environments.BrowserSessions, now time.Time) bool {
	at, _ := b.Deadline(p)
	return b.EndedAt.IsZero() && now.Before(at)
}
