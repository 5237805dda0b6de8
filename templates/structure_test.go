package templates

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestStructure holds what is true of every page (ui.md §1, §5, §10, §12), in both languages.
func TestStructure(t *testing.T) {
	for name, page := range samples {
		t.Run(name, func(t *testing.T) { checkStructure(t, page) })
	}
}

func checkStructure(t *testing.T, page Page) {
	t.Helper()
	text := render(t, page).Body.String()
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	d := document{t: t, root: root, byID: map[string]*html.Node{}}
	d.collectIDs()
	d.checkHead(page)
	d.checkNothingInline()
	d.checkFields()
	d.checkLinks(page)
	for _, trace := range []string{"ZgotmplZ", "<no value>", "{{", "%!"} {
		if strings.Contains(text, trace) {
			t.Errorf("the page shows %q", trace)
		}
	}
}

// document is a page being checked.
type document struct {
	t    *testing.T
	root *html.Node
	byID map[string]*html.Node
}

// all are the elements with one of the names, in order; all of them if there is no name.
func (d document) all(names ...string) []*html.Node {
	var found []*html.Node
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && (len(names) == 0 || slices.Contains(names, n.Data)) {
			found = append(found, n)
		}
	}
	return found
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func content(n *html.Node) string {
	var text strings.Builder
	for child := range n.Descendants() {
		if child.Type == html.TextNode {
			text.WriteString(child.Data)
		}
	}
	return strings.TrimSpace(text.String())
}

func (d document) collectIDs() {
	for _, n := range d.all() {
		id := attribute(n, "id")
		if id == "" {
			continue
		}
		if d.byID[id] != nil {
			d.t.Errorf("the id %q stands twice", id)
		}
		d.byID[id] = n
	}
}

func (d document) checkHead(page Page) {
	language := page.chrome().Language
	if language == "" {
		language = "en"
	}
	if got := d.all("html")[0]; attribute(got, "lang") != language || attribute(got, "dir") != "ltr" {
		d.t.Errorf("lang = %q, dir = %q, want %q and ltr", attribute(got, "lang"), attribute(got, "dir"), language)
	}
	headings, titles := d.all("h1"), d.all("title")
	if len(headings) != 1 || len(titles) != 1 {
		d.t.Fatalf("%d h1 and %d titles, want one each", len(headings), len(titles))
	}
	heading, title := content(headings[0]), content(titles[0])
	if !strings.Contains(heading, page.chrome().Name()) {
		d.t.Errorf("the heading %q does not name %q", heading, page.chrome().Name())
	}
	prefix := ""
	if len(page.view().errors) > 0 {
		prefix = "Error: "
	}
	if title != prefix+heading {
		d.t.Errorf("title = %q, want %q", title, prefix+heading)
	}
	if mains := d.all("main"); len(mains) != 1 {
		d.t.Errorf("%d main, want one", len(mains))
	}
}

// checkNothingInline holds the page to its policy: no style, no script of its own, no handler.
func (d document) checkNothingInline() {
	for _, n := range d.all() {
		if n.Data == "style" {
			d.t.Error("a style element")
		}
		if n.Data == "script" && (attribute(n, "src") == "" || content(n) != "") {
			d.t.Error("an inline script")
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				d.t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
			}
			if a.Key == "tabindex" && a.Val != "0" && a.Val != "-1" {
				d.t.Errorf("%s has tabindex=%q", n.Data, a.Val)
			}
		}
		if n.Data == "svg" && attribute(n, "aria-hidden") != "true" {
			d.t.Error("an icon is not hidden from screen readers")
		}
	}
}

func (d document) checkFields() {
	labels := map[string]bool{}
	for _, label := range d.all("label") {
		labels[attribute(label, "for")] = true
	}
	main := 0
	for _, n := range d.all("input", "button", "a") {
		if slices.Contains(strings.Fields(attribute(n, "class")), "button-main") {
			main++
		}
	}
	if main > 1 {
		d.t.Errorf("%d main buttons, want at most one", main)
	}
	for _, n := range d.all("input") {
		id, name, kind := attribute(n, "id"), attribute(n, "name"), attribute(n, "type")
		if kind == "hidden" {
			continue
		}
		if kind != "radio" && id != name {
			d.t.Errorf("id = %q, name = %q, want them equal", id, name)
		}
		if !labels[id] && n.Parent.Data != "label" {
			d.t.Errorf("the field %q has no label", id)
		}
		if (kind == "email" || kind == "password" || kind == "text") && attribute(n, "autocomplete") == "" {
			d.t.Errorf("the field %q has no autocomplete", id)
		}
		for _, ref := range strings.Fields(attribute(n, "aria-describedby")) {
			if d.byID[ref] == nil {
				d.t.Errorf("the field %q is described by %q, which is missing", id, ref)
			}
		}
		if kind == "password" && attribute(n, "value") != "" {
			d.t.Errorf("the page tells the password of %q", id)
		}
	}
	for _, n := range d.all("button") {
		if content(n) == "" && attribute(n, "aria-label") == "" {
			d.t.Error("a button without a name")
		}
	}
	focus := 0
	for _, n := range d.all() {
		if slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "autofocus" }) {
			focus++
		}
	}
	if focus > 1 {
		d.t.Errorf("%d elements want the focus", focus)
	}
}

// checkLinks looks for links and forms that lead nowhere, and for addresses outside the environment's path.
func (d document) checkLinks(page Page) {
	prefix := page.chrome().Prefix
	for _, n := range d.all("a", "form", "iframe") {
		address := attribute(n, map[string]string{"a": "href", "form": "action", "iframe": "src"}[n.Data])
		if address == "" {
			d.t.Errorf("%s %q leads nowhere", n.Data, content(n))
		}
		if strings.HasPrefix(address, "#") && d.byID[address[1:]] == nil {
			d.t.Errorf("%s %q leads to %s, which is missing", n.Data, content(n), address)
		}
		if strings.HasPrefix(address, "/") && !strings.HasPrefix(address, prefix+"/") {
			d.t.Errorf("%s leads to %s, outside of %s", n.Data, address, prefix)
		}
	}
}

// The pages of a sign-in have nothing that depends on whether an account exists: for two addresses they differ in the address alone
// (ui.md §1.3, acceptance 74).
func TestPagesDoNotTellAccounts(t *testing.T) {
	for name, page := range map[string]func(address string) Page{
		"password": func(a string) Page { return SignInPassword{Chrome: acme, Username: a, RememberOffered: true} },
		"wrong": func(a string) Page {
			return SignInPassword{Chrome: acme, Username: a, Errors: []FieldError{{"password", TextWrongPassword}}}
		},
		"code":      func(a string) Page { return VerifyEmail{Chrome: acme, Username: a, ResendSeconds: 30} },
		"reset":     func(a string) Page { return PasswordReset{Chrome: acme, Username: a, Sent: true} },
		"new":       func(a string) Page { return PasswordResetNew{Chrome: acme, Username: a, MinLength: 15} },
		"signed up": func(a string) Page { return SignUp{Chrome: acme, Username: a, MinLength: 15} },
	} {
		known, unknown := render(t, page("known@example.com")), render(t, page("nobody@example.org"))
		if got, want := strings.ReplaceAll(unknown.Body.String(), "nobody@example.org", "known@example.com"), known.Body.String(); got != want {
			t.Errorf("%s: the pages differ", name)
		}
	}
}
