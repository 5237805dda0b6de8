package environments

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/portico-id/portico/fault"
)

// Settings are what people set of an environment, as JSON: that of the management API and of the record of events. The doc
// tags are for the reference of the API.
type Settings struct {
	Name               string                  `json:"name" minLength:"1" maxLength:"100" doc:"What people are shown where no application is known, in 1 to 100 characters."`
	Kind               Kind                    `json:"kind" enum:"production,development" doc:"It decides how strict redirect URIs are. It becomes production only when no application has an address that production refuses."`
	DefaultApplication string                  `json:"default_application_id" maxLength:"100" doc:"The application that people come to who come to none. It can't be deleted."`
	SignUp             bool                    `json:"sign_up" doc:"Whether strangers may create an account."`
	BrowserSessions    BrowserSessionsDocument `json:"browser_sessions" doc:"The clocks of the sign-in of a browser."`
	Brand              Brand                   `json:"brand" doc:"How its hosted pages look. An application's own branding comes before it."`
}

// BrowserSessionsDocument are BrowserSessions with durations in seconds.
type BrowserSessionsDocument struct {
	MaxLength         int64 `json:"max_length" minimum:"300" maximum:"315360000" doc:"Seconds from the sign-in, from 300 (5 minutes) to 315360000 (10 years)."`
	InactivityTimeout int64 `json:"inactivity_timeout" minimum:"300" maximum:"315360000" doc:"Seconds from the last use, from 300 (5 minutes), not longer than max_length."`
	UnrememberedMax   int64 `json:"unremembered_max" minimum:"300" maximum:"315360000" doc:"Seconds from the sign-in without \"keep me signed in\", from 300 (5 minutes), not longer than max_length."`
}

// Settings returns what people set of the environment.
func (e *Environment) Settings() Settings {
	b := &e.BrowserSessions
	return Settings{
		Name: e.Name, Kind: e.Kind, DefaultApplication: e.DefaultApplication, SignUp: e.SignUp, Brand: e.Brand,
		BrowserSessions: BrowserSessionsDocument{
			MaxLength: int64(b.MaxLength / time.Second), InactivityTimeout: int64(b.InactivityTimeout / time.Second),
			UnrememberedMax: int64(b.UnrememberedMax / time.Second),
		},
	}
}

// state is what the record of events has of an environment.
type state struct {
	Settings
	ManagedBy Manager `json:"managed_by,omitempty"`
}

func (e *Environment) state() state { return state{e.Settings(), e.ManagedBy} }

const (
	shortest = 5 * time.Minute
	longest  = 3650 * 24 * time.Hour
)

// Apply sets all of it but the default application, which is for those to set who know that there is such an application. A
// clock that is out of range stays so, for Registry.Update to refuse.
func (s *Settings) Apply(e *Environment) {
	clock := func(seconds int64) time.Duration {
		return time.Duration(min(max(seconds, 0), int64(longest/time.Second)+1)) * time.Second
	}
	e.Name, e.Kind, e.SignUp, e.Brand = s.Name, s.Kind, s.SignUp, s.Brand
	e.BrowserSessions = BrowserSessions{
		MaxLength: clock(s.BrowserSessions.MaxLength), InactivityTimeout: clock(s.BrowserSessions.InactivityTimeout),
		UnrememberedMax: clock(s.BrowserSessions.UnrememberedMax),
	}
}

// validate tells all that is wrong with what people set of the environment.
func (e *Environment) validate() error {
	mistakes := append(e.Brand.validate(e.Kind), checkName(e.Name), checkKind(e.Kind))
	b := &e.BrowserSessions
	for _, clock := range []struct {
		name  string
		value time.Duration
	}{{"max_length", b.MaxLength}, {"inactivity_timeout", b.InactivityTimeout}, {"unremembered_max", b.UnrememberedMax}} {
		switch field := "browser_sessions/" + clock.name; {
		case clock.value < shortest || clock.value > longest || clock.value%time.Second != 0:
			mistakes = append(mistakes, fault.Invalidf(field, "%s must be %d to %d seconds", clock.name, shortest/time.Second, longest/time.Second))
		case clock.value > b.MaxLength:
			mistakes = append(mistakes, fault.Invalidf(field, "%s (%d seconds) must not be longer than max_length (%d seconds)", clock.name, clock.value/time.Second, b.MaxLength/time.Second))
		}
	}
	return errors.Join(mistakes...)
}

func checkKind(kind Kind) error {
	if kind != Production && kind != Development {
		return fault.Invalidf("kind", "kind %.20q must be production or development", kind)
	}
	return nil
}

func checkName(name string) error {
	switch n := utf8.RuneCountInString(name); {
	case n == 0 || n > 100 || !utf8.ValidString(name):
		return fault.Invalidf("name", "name must have 1 to 100 characters")
	case strings.TrimSpace(name) != name:
		return fault.Invalidf("name", "name begins or ends with a space: remove it")
	case strings.ContainsFunc(name, func(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) }):
		return fault.Invalidf("name", "name %s has a control character: remove it", fmt.Sprintf("%+q", name))
	}
	return nil
}
