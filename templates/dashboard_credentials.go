package templates

import "time"

// DashboardCredentials is the tab with the secrets and API keys of an application. Its forms post secret-name and
// secret-expires to …/credentials/secrets, and key-name, key-expires and a field scope-<scope> ("on") for each scope to
// …/credentials/keys.
type DashboardCredentials struct {
	ApplicationPage
	Proof                     ClientProof
	Public                    bool // it has no secret
	Secrets, Keys             []Credential
	SecretName, SecretExpires string // typed before; dates are YYYY-MM-DD
	KeyName, KeyExpires       string
	Scopes                    []ScopeChoice
	Tomorrow                  string // the earliest date of an expiry
}

func (p DashboardCredentials) view() view { return p.tabView("dashboard_credentials") }

// Credential is a secret or an API key, of which the clear text is not known.
type Credential struct {
	ID       string
	Name     string
	Hint     string // its last four characters
	Scopes   []string
	Created  time.Time
	Expires  time.Time // zero for never
	Used     time.Time // zero for never
	UsedFrom string    // IP address
	Over     bool
}

// ScopeChoice is a scope that a key may be given.
type ScopeChoice struct {
	Name   string // as in clients.APIScope
	Ticked bool
}

// DashboardCredential shows one credential, of the kind "secret" or "key". It posts expires (YYYY-MM-DD) to its address.
type DashboardCredential struct {
	ApplicationPage
	Credential
	Kind     string
	Date     string // typed into expires
	Tomorrow string
}

func (p DashboardCredential) view() view {
	v := p.tabView("dashboard_credential")
	v.path += "/" + p.Kind + "s/" + p.ID
	v.heading = Message{id: "credential." + p.Kind, values: values{"Name": p.Label(), "Application": p.App.Name}}
	return v
}

// Label is the name of the credential, or what is known of it where it has none.
func (c Credential) Label() string {
	if c.Name != "" {
		return c.Name
	}
	return "…" + c.Hint
}

// DashboardSecret shows a new credential in clear, once.
type DashboardSecret struct {
	ApplicationPage
	Kind   string
	Secret string // "" if it was shown before
}

func (p DashboardSecret) view() view {
	v := p.tabView("dashboard_secret")
	v.heading = Message{id: "new_credential." + p.Kind, values: values{"Application": p.App.Name}}
	v.announce = true
	return v
}

// Notices of the tab.
var (
	TextCredentialEnded = Message{id: "notice.credential_ended", tone: toneSuccess}

	// EffectCredential says what an ended credential means.
	EffectCredential = Message{id: "effect.credential"}
	// TextDate asks for a date.
	TextDate = Message{id: "problem.date"}
	// TextNoScope asks for a scope at least.
	TextNoScope = Message{id: "problem.no_scope"}
)
