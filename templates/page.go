package templates

import (
	"html/template"
	"net/url"
	"time"
)

// Page is one page with its data: a struct of this package that embeds [Chrome].
type Page interface {
	chrome() Chrome
	view() view
}

// view is what a page says about itself.
type view struct {
	path     string   // of the page below the prefix of its environment, where its forms post to
	params   []string // of that address, as pairs
	file     string   // its template below html/
	heading  Message  // text of the h1, with which the title begins too
	leaves   bool     // its post may end at an application, so the policy names no form-action
	errors   []FieldError
	announce bool     // the page is a result: reading starts at its heading
	isolated bool     // an account or dashboard page, which no other window may hold
	frames   []string // sources of the frames that it shows
	images   []string // addresses of images beside the logo
	framed   bool     // the page is shown in a frame of the dashboard, and does nothing
}

// Chrome is what surrounds every page: whose page it is, in which language, and where its links lead.
// The zero value is a page of Portico itself, in English.
type Chrome struct {
	Environment string // name of the environment; shown where Application is empty
	Application string // name of the application that the person came from or goes to; "" if none is known

	// OneApplication is true if the environment has a single application. No page then speaks of
	// applications: no grouping, no list of consents, no choice between application and browser.
	OneApplication bool

	LogoURI     string // logo of the application: https, or a path served from here; "" shows its initial
	DarkLogoURI string // the same for dark pages; "" takes LogoURI
	AccentURL   string // path of the generated stylesheet (/brand/<application or environment>-<hash>.css); "" for none

	HelpURI, PolicyURI, TOSURI string // of the application, else of the environment; "" leaves the link out

	// Theme is "light" or "dark" for a preview, which has that theme and can't be used. "" is a page in the person's theme.
	Theme string

	Interaction string // the pending request, kept in every address; "" if there is none
	ClientID    string // its application, so that the address alone can start the flow again; "" if none
	Account     string // the account that the pages speak of, where several are signed in, kept in every address; "" for the only one
	Language    string // as MatchLanguage returned it; "" is English

	// Query is the query of this page's own address (r.URL.RawQuery): the choice of language keeps it, and
	// the ui_locales in it is kept in every address.
	Query string

	// Prefix is the path of the environment's issuer, "" or "/env/<slug>". It starts every address.
	Prefix string

	// Now is the instant of the request. Its location is the time zone in which times are written.
	Now time.Time

	Notice Message // one line at the top of the page: what was just done, or why this page is shown; zero for none
}

func (c Chrome) chrome() Chrome { return c }

// Name is the name of the application, or that of the environment where none is known.
func (c Chrome) Name() string {
	switch {
	case c.Application != "":
		return c.Application
	case c.Environment != "":
		return c.Environment
	}
	return "Portico"
}

// Href is the address of a page of this environment, such as "/sign-in/password", with interaction,
// client_id, account and ui_locales, each only if known. Handlers redirect to it, templates link and post to it.
// More parameters are given as pairs: Href("/sign-in/choose-account", "mode", "remove").
func (c Chrome) Href(path string, more ...string) string {
	query := url.Values{}
	pairs := append([]string{"interaction", c.Interaction, "client_id", c.ClientID, "account", c.Account, "ui_locales", c.UILocales()}, more...)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	if len(query) == 0 {
		return c.Prefix + path
	}
	return c.Prefix + path + "?" + query.Encode()
}

// UILocales is the ui_locales of the page's own address, which a form with method GET has to keep; "" if there is none.
func (c Chrome) UILocales() string {
	query, _ := url.ParseQuery(c.Query) // a malformed part has no ui_locales to keep
	return query.Get("ui_locales")
}

// InLanguage is the address of this very page in another language, relative to itself.
func (c Chrome) InLanguage(language string) string {
	query, _ := url.ParseQuery(c.Query) // malformed parts are not kept
	query.Set("ui_locales", language)
	return "?" + query.Encode()
}

// FieldError says what is wrong with one field of a form, below its label.
type FieldError struct {
	Field string  // id and name of the field, such as "username"
	Text  Message // what happened, then what to do
}

// Person is the account that a page speaks of.
type Person struct {
	Name  string // "" if unknown
	Email string
}

// Button is a link that looks like a button and moves the person on.
type Button struct {
	Label Message
	// URI may have any scheme that an application can register, also a private-use one such as
	// com.example.app:/. It is written as it is: only addresses that the domain has checked belong here.
	URI template.URL
}

// named is a message about the application, or the environment where none is known.
func (c Chrome) named(id string) Message {
	return Message{id: id, values: values{"Application": c.Name()}}
}
