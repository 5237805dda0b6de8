package templates

import "time"

// AccountProfile is /account: who the person is. It posts name, given-name, family-name, tel and bday to /account.
type AccountProfile struct {
	Chrome
	Account       Person // as stored; typed values are below
	EmailVerified bool
	DisplayName   string // the field name
	GivenName     string // given-name
	FamilyName    string // family-name
	Phone         string // tel
	Birthday      string // bday, YYYY-MM-DD (OIDC Core §5.1 birthdate)
	Errors        []FieldError
}

func (p AccountProfile) view() view {
	return view{path: "/account", file: "account_profile", errors: p.Errors, heading: Message{id: "account_profile.heading"}, isolated: true}
}

// AccountSignIn is /account/sign-in: how the person signs in. It posts username (hidden), current-password, password and sign-out-others ("on")
// to /account/sign-in.
type AccountSignIn struct {
	Chrome
	Account           Person
	PasswordChangedAt time.Time // zero if the account has no password; the page then sets one and asks for no current one
	MinLength         int       // of the password, in characters
	KeepOthers        bool      // "Sign out everywhere else" was unticked
	Errors            []FieldError
}

func (p AccountSignIn) view() view {
	return view{path: "/account/sign-in", file: "account_sign_in", errors: p.Errors, heading: Message{id: "account_sign_in.heading"}, isolated: true}
}

// AccountSessions is /account/sessions. It posts session=<ID>, application=<client ID> or others=on to /account/sessions; "Sign out
// everywhere" links to /sign-out?scope=everywhere, which asks first.
type AccountSessions struct {
	Chrome
	Account      Person
	Applications []ApplicationSessions
	Older        string         // address of the page with sessions that were started before these; "" if there are none
	Others       bool           // there are sessions of other browsers
	Ended        []EndedSession // newest first
}

func (p AccountSessions) view() view {
	return view{path: "/account/sessions", file: "account_sessions", heading: Message{id: "account_sessions.heading"}, isolated: true}
}

// ApplicationSessions are the living sessions in one application.
type ApplicationSessions struct {
	ClientID string // what its button posts
	Name     string
	Sessions []Session // newest activity first
}

// Session is one living session of the account.
type Session struct {
	ID          string        // what its button posts
	Device      Message       // TextDevice; zero if unknown
	Phone       bool          // shows a phone instead of a computer
	Place       string        // such as "Berlin"; "" if unknown
	LastActive  time.Time     // zero is not shown
	Current     bool          // of this browser
	Until       time.Time     // when it ends at the latest; zero is not shown
	IdleTimeout time.Duration // ends it without use; 0 is not shown
}

// EndedSession is a session that ended lately.
type EndedSession struct {
	Application string
	At          time.Time
	Reason      string        // ended_reason, such as "inactivity"
	After       time.Duration // for inactivity and max_length: the clock that ran out
}

// AccountData is /account/data. It posts to /account/data, whose answer is a file.
type AccountData struct {
	Chrome
	Account Person
}

func (p AccountData) view() view {
	return view{path: "/account/data", file: "account_data", heading: Message{id: "account_data.heading"}, isolated: true}
}

// AccountApplications is /account/applications: what the person allowed. It posts withdraw=<client ID>.
type AccountApplications struct {
	Chrome
	Account  Person
	Consents []GivenConsent
}

func (p AccountApplications) view() view {
	return view{path: "/account/applications", file: "account_applications", heading: Message{id: "account_applications.heading"}, isolated: true}
}

// GivenConsent is what one application may do.
type GivenConsent struct {
	ClientID    string // what its button posts
	Name        string
	HomepageURI string // https or http; "" for none
	Scopes      []Scope
	Since       time.Time
	LastUsed    time.Time // zero is not shown
}
