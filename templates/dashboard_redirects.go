package templates

import "time"

// DashboardRedirects is the tab with every address of an application. Its lists post list, uri and action (add, remove or
// default) to …/redirects/list, and one more in the field of the list; its groups post to …/redirects/addresses and …/redirects/logout; the tester has the method
// GET and the field try.
type DashboardRedirects struct {
	ApplicationPage
	Lists     []URIList
	Wildcards bool // the field wildcards
	Explicit  bool // the field explicit-sign-out: a sign-out that names no address ends on our page
	Tried     string
	Verdict   *Verdict // of what was tried; nil if nothing was

	InitiateLoginURI, HomepageURI, InvitationURI, PasswordResetURI string
	BackchannelURI, FrontchannelURI                                string
	BackchannelSession, FrontchannelSession                        bool // the application asks for sid

	Deliveries []LogoutDelivery // the last of back-channel logout, the latest first
}

func (p DashboardRedirects) view() view { return p.tabView("dashboard_redirects") }

// Reports reports whether the page tells of deliveries, though it be that there are none.
func (p DashboardRedirects) Reports() bool { return p.BackchannelURI != "" || len(p.Deliveries) > 0 }

// LogoutDelivery is what has become of a back-channel logout.
type LogoutDelivery struct {
	Session  string // its ID
	User     Reference
	Ended    time.Time // the session
	State    string    // as in delivery.State
	Settled  time.Time // when it was delivered or given up
	Attempts int
	Error    string        // of the last attempt; "" if it succeeded or there was none
	Next     time.Duration // of a pending one: until it is tried next; zero if that is now
}

// URIList is a list of addresses.
type URIList struct {
	Name  string // "redirect-uri", "post-logout-redirect-uri" or "cors-origin": also the field for one more
	URIs  []string
	First bool   // the first is the default
	Typed string // into the field for one more
}

// Verdict is what the tester says of a URI.
type Verdict struct {
	Matches     bool
	Registered  string // the one that matches, or comes closest; "" if none is registered
	Rule        string // as in clients.MatchRule
	Differences []Difference
}

// Difference is a part in which the URI differs from the registered one.
type Difference struct {
	Part            string // as in clients.Part
	Got, Registered string // "" if there is none
	Reason          string
}
