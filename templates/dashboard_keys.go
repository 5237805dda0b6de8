package templates

import "time"

// DashboardKeys lists the signing keys of an environment.
type DashboardKeys struct {
	Dashboard
	JWKS       string // address
	Algorithms []KeyAlgorithm
	Rows       []KeyRow // the newest first
	Denied     Message  // why she may not change them; zero if she may
}

func (p DashboardKeys) view() view { return p.dashboardView("dashboard_keys", "/keys") }

// KeyAlgorithm is an algorithm that an environment can sign with.
type KeyAlgorithm struct {
	Name         string    // such as "RS256"
	Active       bool      // a key of it signs
	Next         bool      // a key of it is published, and will sign
	Signs        time.Time // when that one does
	Applications int       // whose tokens it signs
}

// KeyRow is one signing key.
type KeyRow struct {
	ID        string // kid
	Algorithm string
	State     string // "next", "active", "published" or "retired"
	Created   time.Time
	Since     time.Time // when it got into the state
	Until     time.Time // when it leaves it by itself; zero for never
}

// DashboardKeyRotate replaces the key of an algorithm. It posts algorithm (hidden) and when, "soon" or "now", to its address.
type DashboardKeyRotate struct {
	Dashboard
	Algorithm string
	When      string
	Errors    []FieldError
}

func (p DashboardKeyRotate) view() view {
	v := p.dashboardView("dashboard_key_rotate", "/keys/rotate")
	v.heading.values = values{"Algorithm": p.Algorithm}
	v.errors = p.Errors
	return v
}

// Confirmations of the page of keys.
const (
	ConfirmRetireKey Confirmation = "retire_key"
	ConfirmDeleteKey Confirmation = "delete_key"
)

// What the end of a signing key does.
var (
	EffectSigned     = Message{id: "effect.signed"}
	EffectNotSigned  = Message{id: "effect.not_signed"}
	EffectKeptTokens = Message{id: "effect.kept_tokens"}
	EffectHints      = Message{id: "effect.hints"}
)

// EffectSigners counts the applications whose tokens are signed with the algorithm.
func EffectSigners(algorithm string, n int) Message {
	return Message{id: "effect.signers", values: values{"Algorithm": algorithm, "Count": many(n)}}
}

// TextWhen asks when the new key is to sign.
var TextWhen = Message{id: "problem.when"}

// Notices of the page of keys.
var (
	TextKeyMade    = Message{id: "notice.key_made", tone: toneSuccess}
	TextKeyNext    = Message{id: "notice.key_next", tone: toneSuccess}
	TextKeyRotated = Message{id: "notice.key_rotated", tone: toneSuccess}
	TextKeyRetired = Message{id: "notice.key_retired", tone: toneSuccess}
	TextKeyDeleted = Message{id: "notice.key_deleted", tone: toneSuccess}
)
