package templates

import (
	"fmt"
	"html/template"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/portico-id/portico/static"
)

// parsePages parses each page in each language, so that the functions of a template know the language.
func parsePages() map[string]map[string]*template.Template {
	pages := map[string]map[string]*template.Template{}
	for _, t := range catalogue() {
		parts := template.Must(template.New("").Funcs(t.functions()).Funcs(t.dashboardFunctions()).ParseFS(files, "html/parts/*.html"))
		pages[t.tag] = map[string]*template.Template{}
		entries, err := files.ReadDir("html")
		if err != nil {
			panic(err) // embedded, so this cannot differ between two runs
		}
		for _, entry := range entries {
			if entry.IsDir() {
				continue
			}
			page := template.Must(template.Must(parts.Clone()).ParseFS(files, path.Join("html", entry.Name())))
			pages[t.tag][strings.TrimSuffix(entry.Name(), ".html")] = page.Lookup(entry.Name())
		}
	}
	return pages
}

// functions are what templates can call. Those that make HTML escape every value that they are given.
func (t tongue) functions() template.FuncMap {
	return template.FuncMap{
		"asset":     static.URL,
		"language":  func() string { return t.tag },
		"direction": t.direction,
		"languages": catalogueNames,

		"t":       t.named,
		"rich":    t.rich,
		"say":     t.say,
		"scope":   t.scope,
		"because": func(e EndedSession) (string, error) { return t.say(because(e.Reason, e.After)) },
		"ago":     func(now, at time.Time) (template.HTML, error) { return timeElement(now, at, t.ago) },
		"day":     func(now, at time.Time) (template.HTML, error) { return timeElement(now, at, t.day) },
		"moment":  func(now, at time.Time) (template.HTML, error) { return timeElement(now, at, t.moment) },
		"active":  func(now, at time.Time) (template.HTML, error) { return timeElement(now, at, t.active) },

		"action":      func(p Page) string { return p.chrome().Href(p.view().path, p.view().params...) },
		"heading":     func(p Page) (string, error) { return t.say(p.view().heading) },
		"place":       t.place,
		"title":       t.title,
		"announce":    func(p Page) bool { return p.view().announce },
		"errors":      func(p Page) []FieldError { return p.view().errors },
		"field":       t.field,
		"newPassword": t.newPassword,
		"copyValue":   func(id, text string) copyValue { return copyValue{id, text} },
		"alert":       t.alert,
		"tab":         t.tab,
		"scopes":      t.scopes,
		"steps":       steps,
		"initial":     initial,
	}
}

// named is the message with values given as pairs: {{t "sign_in.heading" "Application" .Name}}.
func (t tongue) named(id string, pairs ...any) (string, error) {
	v, err := pairUp(pairs)
	if err != nil {
		return "", fmt.Errorf("text %s: %w", id, err)
	}
	return t.text(id, v)
}

// rich is named with each value set apart: in bold, and isolated from the direction of the text around it.
func (t tongue) rich(id string, pairs ...any) (template.HTML, error) {
	v, err := pairUp(pairs)
	if err != nil {
		return "", fmt.Errorf("text %s: %w", id, err)
	}
	var marks []string
	for name, value := range v {
		mark := "\uE000" + name + "\uE000" // private use, so no text has it and escaping leaves it alone
		written, err := t.write(value)
		if err != nil {
			return "", err
		}
		marks = append(marks, mark, "<b><bdi>"+template.HTMLEscapeString(fmt.Sprint(written))+"</bdi></b>")
		v[name] = mark
	}
	text, err := t.text(id, v)
	if err != nil {
		return "", err
	}
	return template.HTML(strings.NewReplacer(marks...).Replace(template.HTMLEscapeString(text))), nil
}

func pairUp(pairs []any) (values, error) {
	v := values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("value %d has no name", i/2)
		}
		v[name] = pairs[i+1]
	}
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("%d names and values do not pair up", len(pairs))
	}
	return v, nil
}

// scope puts a scope into words that follow "will be able to".
func (t tongue) scope(s Scope) (string, error) {
	switch s.Name {
	case "openid", "profile", "email", "phone", "address", "offline_access":
		return t.text("scope."+s.Name, nil)
	}
	if s.Description != "" {
		return s.Description, nil
	}
	return t.text("scope.other", values{"Scope": s.Name})
}

// place is the name that a heading lacks to say where one is, or "" if the heading has it already.
func (t tongue) place(p Page) (string, error) {
	heading, err := t.say(p.view().heading)
	if name := p.chrome().Name(); !strings.Contains(heading, name) {
		return name, err
	}
	return "", err
}

// title is the heading with the name, if the heading lacks it; "Error: " goes first if a field is wrong.
func (t tongue) title(p Page) (string, error) {
	title, err := t.say(p.view().heading)
	if err != nil {
		return "", err
	}
	place, err := t.place(p)
	if err != nil {
		return "", err
	}
	if place != "" {
		title += " – " + place
	}
	if len(p.view().errors) == 0 {
		return title, nil
	}
	return t.text("title.error", values{"Title": title})
}

// field is what the parts "label" and "attributes" need of a field.
type field struct {
	ID        string
	Label     string
	Hint      string
	Problem   string
	Focus     bool // the first field that is wrong
	Alone     bool // the only one: there is no summary, so its problem is announced by itself
	MinLength int  // of a new password
}

// field looks the field up in the errors of the page. The label is a message; a hint, if there is one, is text.
func (t tongue) field(p Page, id, label string, hint ...string) (field, error) {
	text, err := t.text(label, nil)
	if err != nil {
		return field{}, err
	}
	f := field{ID: id, Label: text, Hint: strings.Join(hint, " ")}
	for i, e := range p.view().errors {
		if e.Field != id {
			continue
		}
		if f.Problem, err = t.say(e.Text); err != nil {
			return field{}, err
		}
		f.Focus, f.Alone = i == 0, len(p.view().errors) == 1
		break
	}
	return f, nil
}

// timeElement shows an instant as written by write, with the exact UTC time for machines and as a title.
func timeElement(now, at time.Time, write func(now, at time.Time) (string, error)) (template.HTML, error) {
	text, err := write(now, at)
	if err != nil {
		return "", err
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`, at.UTC().Format(time.RFC3339),
		at.UTC().Format("2006-01-02 15:04:05 UTC"), template.HTMLEscapeString(text))), nil
}

// initial is the letter of a name's avatar.
func initial(name string) string {
	r, size := utf8.DecodeRuneInString(strings.TrimSpace(name))
	if size == 0 {
		return "?"
	}
	return string(unicode.ToUpper(r))
}

// languageName is a language in its own words, for the choice of language.
type languageName struct {
	Tag, Name string
}

func catalogueNames() ([]languageName, error) {
	var names []languageName
	for _, t := range catalogue() {
		name, err := t.text("language.name", nil)
		if err != nil {
			return nil, err
		}
		names = append(names, languageName{t.tag, name})
	}
	return names, nil
}

// newPassword is the field password for a password to be chosen. Until something is wrong with it, it says how long it must be.
func (t tongue) newPassword(p Page, label string, minLength int) (field, error) {
	f, err := t.field(p, "password", label)
	if err != nil {
		return field{}, err
	}
	f.MinLength = minLength
	if f.Problem == "" {
		f.Hint, err = t.text("password.hint", values{"Count": minLength})
	}
	return f, err
}

// copyValue is a text with a button that copies it.
type copyValue struct {
	ID, Text string
}

// alert is what the part "alert" needs of a message.
type alert struct {
	Tone tone
	Text string
}

func (t tongue) alert(m Message) (alert, error) {
	text, err := t.say(m)
	return alert{m.tone, text}, err
}

// tab is a link of the account's navigation.
type tab struct {
	Href, Label string
	Current     bool
}

func (t tongue) tab(p Page, path, file string) (tab, error) {
	label, err := t.text("nav."+file, nil)
	return tab{p.chrome().Href(path), label, p.view().file == file}, err
}

// signOutScope is a radio button of SignOut.
type signOutScope struct {
	Value, Label, Hint string
	Checked            bool
}

func (t tongue) scopes(p SignOut) ([]signOutScope, error) {
	offered := []string{"application", "browser", "everywhere"}
	if p.OneApplication || p.Application == "" {
		offered = offered[1:]
	}
	checked := offered[0]
	if slices.Contains(offered, p.Scope) {
		checked = p.Scope
	}
	var scopes []signOutScope
	for _, value := range offered {
		label, err := t.text("sign_out."+value, values{"Application": p.Name()})
		if err != nil {
			return nil, err
		}
		hint, err := t.text("sign_out."+value+".hint", nil)
		if err != nil {
			return nil, err
		}
		scopes = append(scopes, signOutScope{value, label, hint, value == checked})
	}
	return scopes, nil
}

// step is a WelcomeStep on its page.
type step struct {
	WelcomeStep
	Main bool // the first one left to do in the browser: its button is the page's main one
}

func steps(p Welcome) []step {
	var steps []step
	found := false
	for _, s := range p.Steps {
		main := !found && !s.Done && s.URI != ""
		found = found || main
		steps = append(steps, step{s, main})
	}
	return steps
}
