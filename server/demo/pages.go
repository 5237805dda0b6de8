package demo

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/oauth2"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// render writes a page, or nothing of it if its template fails.
func render(w http.ResponseWriter, status int, name string, data any) {
	var buf bytes.Buffer
	if err := pages.ExecuteTemplate(&buf, name, data); err != nil {
		http.Error(w, "Something went wrong in the demo.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = buf.WriteTo(w) // the browser may be gone
}

// page is what every page has.
type page struct {
	Title   string
	Theme   string // overview, notes or tasks
	App     link   // zero on the overview
	Other   link
	Issuer  string
	Mailbox string
}

// link leads to one of the applications.
type link struct{ Key, Name, URL string }

func (a *app) page(title string) page {
	return page{Title: title, Theme: a.key, App: a.link(), Other: a.other, Issuer: a.issuer.URL, Mailbox: a.mailbox}
}

type signedOutPage struct {
	page
	Notice notice
	Steps  []step
}

type problemPage struct {
	page
	Problem problem
}

// notice tells what the last action led to.
type notice struct {
	Bad         bool
	Title, Text string
	Code        string // for developers: an error code of OAuth, or what was expected
}

// refusal tells of an authorization response that is an error.
func refusal(application, code, description string) notice {
	n := notice{Bad: true, Title: "Portico did not sign you in to " + application, Text: sentence(description), Code: sentence(code)}
	if code == "access_denied" {
		n.Title = "You are not signed in to " + application
	}
	if n.Text == "" {
		n.Text = "Sign in again whenever you like."
	}
	return n
}

// failure tells of a sign-in or a refresh that broke off between the application and the provider.
func failure(application, title string, err error) notice {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.ErrorCode != "" {
		return notice{
			Bad: true, Title: title, Code: sentence(refused.ErrorCode),
			Text: "Portico answered: " + sentence(refused.ErrorDescription),
		}
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		return notice{Bad: true, Title: title, Text: "Portico does not answer. Try again in a moment.", Code: sentence(err.Error())}
	}
	return notice{Bad: true, Title: title, Text: application + " could not use what Portico answered. Try again.", Code: sentence(err.Error())}
}

// sentence bounds a text that came from elsewhere.
func sentence(s string) string {
	const most = 300
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// signedInPage is an application with a person in it.
type signedInPage struct {
	page
	Called, Full, Email, Initials string

	Notice  notice
	Changes []change
	Steps   []step

	Items      []item
	Done       int // of Items
	MaxText    int
	Subject    string
	SID        string
	ACR        string
	AMR        []string
	CanRefresh bool
	Clocks     []clock
	Granted    value // when the access token came
	SignedIn   value
	SignedAgo  string
	IDExpires  value

	IDToken, UserInfo claims
}

// clock counts down.
type clock struct {
	ID, Name, Over string // Over is what it says at the end
	Left, Total    int    // seconds
}

func (c clock) Text() string {
	if c.Left == 0 {
		return c.Over
	}
	return countdown(c.Left)
}

// clocks are those of the account's access token and session, as far as the provider tells of them.
func (a *app) clocks(acc *account) []clock {
	var list []clock
	add := func(c clock, end time.Time) {
		if !end.IsZero() {
			c.Left = max(0, int(end.Sub(a.now()).Seconds()))
			c.Total = max(c.Left, int(end.Sub(acc.Received).Seconds()))
			list = append(list, c)
		}
	}
	add(clock{ID: a.key + "-access", Name: "Access token expires in", Over: "expired"}, acc.accessTokenEnd())
	add(clock{ID: a.key + "-session", Name: "If you stay away, the session ends in", Over: "over"}, acc.Ends)
	return list
}

// claims are a JSON object for people and for developers.
type claims struct {
	Label string
	Rows  []claim
	Raw   string
}

type claim struct {
	Name  string
	Value value
	Why   string
}

// value is a text or a time.
type value struct {
	Text string
	Time time.Time
}

func at(t time.Time) value {
	if t.IsZero() {
		return value{Text: "–"}
	}
	return value{Time: t.UTC()}
}

func (v value) IsTime() bool    { return !v.Time.IsZero() }
func (v value) Machine() string { return v.Time.Format(time.RFC3339) }
func (v value) Human() string   { return v.Time.Format("2 Jan 2006, 15:04:05 UTC") }

func (a *app) describe(s *session) signedInPage {
	acc, now := s.account, a.now()
	who := acc.person()
	p := signedInPage{
		page:   a.page(a.client.Name + " of " + who.full()),
		Called: who.called(), Full: who.full(), Email: who.Email, Initials: initials(who.full()),
		Notice: s.notice, Changes: s.changes, Steps: s.steps,
		Items: a.items.of(acc.Subject), MaxText: maxText,
		Subject: acc.Subject, SID: acc.Claims.SID, ACR: acc.Claims.ACR, AMR: acc.Claims.AMR,
		Clocks:     a.clocks(acc),
		CanRefresh: acc.Token.RefreshToken != "",
		Granted:    at(acc.Received),
		SignedIn:   at(seconds(acc.Claims.AuthTime)),
		SignedAgo:  ago(now.Sub(time.Unix(acc.Claims.AuthTime, 0))),
		IDExpires:  at(acc.Expires),
		IDToken:    explain("Claims of the ID token", acc.AllID), UserInfo: explain("Claims of userinfo", acc.UserInfo),
	}
	if s.notice.Bad {
		p.Title = "Error: " + p.Title
	}
	for _, i := range p.Items {
		if i.Done {
			p.Done++
		}
	}
	return p
}

func initials(name string) string {
	var out []rune
	for _, word := range strings.Fields(name) {
		r, _ := utf8.DecodeRuneInString(word)
		out = append(out, r)
	}
	if len(out) > 2 {
		out = []rune{out[0], out[len(out)-1]}
	}
	return strings.ToUpper(string(out))
}

// countdown writes seconds as 4:05, from an hour on as 1:04:05, from a day on as 2 d 1:04:05.
func countdown(s int) string {
	const day = 24 * 3600
	switch {
	case s < 3600:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	case s < day:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d d %d:%02d:%02d", s/day, s%day/3600, s/60%60, s%60)
}

func ago(d time.Duration) string {
	if d < 5*time.Second {
		return "just now"
	}
	return count(d) + " ago"
}

// lasting writes how long a clock ran, which two machines saw begin and end.
func lasting(d time.Duration) string {
	if d > time.Hour {
		d = d.Round(time.Minute)
	}
	return count(d)
}

func count(d time.Duration) string {
	of := func(n int, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return strconv.Itoa(n) + " " + unit + "s"
	}
	switch {
	case d < time.Minute:
		return of(int(d.Seconds()), "second")
	case d < time.Hour:
		return of(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return of(int(d.Hours()), "hour")
	}
	return of(int(d.Hours())/24, "day")
}

// meanings are those of OIDC Core §§2, 5.1, 3.1.3.6 and of the logout specifications, in their order.
var meanings = []struct{ name, why string }{
	{"iss", "who says so"},
	{"sub", "you, for ever: the one name that never changes"},
	{"aud", "for which application"},
	{"azp", "the application that asked"},
	{"name", ""}, {"given_name", ""}, {"family_name", ""}, {"nickname", ""}, {"preferred_username", ""},
	{"email", ""},
	{"email_verified", "Portico knows that the address is yours"},
	{"picture", ""}, {"locale", ""}, {"zoneinfo", ""},
	{"auth_time", "when you proved who you are"},
	{"amr", "how you proved it"},
	{"acr", "how strong that proof is"},
	{"sid", "your session in this application"},
	{"iat", "when this token was made"},
	{"exp", "not valid from here on"},
	{"nonce", "ties the token to one sign-in"},
	{"at_hash", "ties it to its access token"},
	{"updated_at", "when your profile last changed"},
}

var times = map[string]bool{"auth_time": true, "iat": true, "exp": true, "nbf": true, "updated_at": true}

// explain lists the claims in the order of meanings, others after them by name. Without an object it
// is zero.
func explain(label string, raw json.RawMessage) claims {
	var all map[string]json.RawMessage
	if json.Unmarshal(raw, &all) != nil || len(all) == 0 {
		return claims{}
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, raw, "", "  ") != nil {
		return claims{}
	}
	out := claims{Label: label, Raw: pretty.String()}
	add := func(name, why string) {
		out.Rows = append(out.Rows, claim{Name: name, Value: readable(name, all[name]), Why: why})
		delete(all, name)
	}
	for _, m := range meanings {
		if _, ok := all[m.name]; ok {
			add(m.name, m.why)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		add(name, "")
	}
	return out
}

func readable(name string, raw json.RawMessage) value {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return value{Text: string(raw)}
	}
	if n, ok := v.(float64); ok && times[name] {
		return at(seconds(int64(n)))
	}
	if list, ok := v.([]any); ok {
		words := make([]string, len(list))
		for i := range list {
			words[i] = text(list[i])
		}
		return value{Text: strings.Join(words, ", ")}
	}
	if _, ok := v.(map[string]any); ok {
		return value{Text: string(raw)}
	}
	return value{Text: text(v)}
}

// text writes a JSON scalar as people would.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
