package templates

import (
	"embed"
	"encoding/json"
	"net"
	"net/url"
	"strings"
	"text/template"
)

//go:embed snippets
var snippetFiles embed.FS

// The function q quotes a text as Go, JavaScript and JSON do.
var snippetTemplates = template.Must(template.New("").Funcs(template.FuncMap{"q": quoted}).ParseFS(snippetFiles, "snippets/*.txt"))

func quoted(text string) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(text)
	return strings.TrimSpace(b.String()), err
}

// Snippet is a program that signs in to an application, or gets a token for it.
type Snippet struct {
	Language string // "Go"
	Library  string // "go-oidc"; "" for none
	Text     string
	// Elsewhere is true if the sign-in ends at a redirect URI that isn't on this machine, where the program has to be put
	// first.
	Elsewhere bool
}

// SnippetFor is what the snippets of an application need to know.
type SnippetFor struct {
	Kind        string // of the application
	Issuer      string
	ClientID    string
	RedirectURI string // the default one; "" if there is none yet
	Secret      bool   // it authenticates by a secret, which the programs take from the variable CLIENT_SECRET
	Post        bool   // it sends the secret in the body (client_secret_post)
}

// snippets are the programs for each kind: the name, the library and the file.
var snippets = map[string][][3]string{
	"web":     {{"Go", "go-oidc", "go.txt"}, {"Node.js", "openid-client", "node.txt"}},
	"spa":     {{"JavaScript", "oidc-client-ts", "browser.txt"}},
	"native":  {{"Go", "go-oidc", "go.txt"}, {"Node.js", "openid-client", "node.txt"}},
	"machine": {{"curl", "", "curl.txt"}},
	"api":     {{"curl", "", "introspect.txt"}},
}

// Snippets writes the programs. What listens does so at the redirect URI if that is on this machine.
func Snippets(s SnippetFor) ([]Snippet, error) {
	data := struct {
		SnippetFor
		Insecure                         bool // the issuer is not https
		Listen, Host, Port, CallbackPath string
	}{SnippetFor: s, Insecure: strings.HasPrefix(s.Issuer, "http:"), Host: "127.0.0.1", Port: "3000"}
	if data.RedirectURI == "" {
		data.RedirectURI = "http://127.0.0.1:3000/callback"
	}
	data.CallbackPath = "/"
	elsewhere := true
	if u, err := url.Parse(data.RedirectURI); err == nil {
		if u.Path != "" {
			data.CallbackPath = u.Path
		}
		if host := u.Hostname(); u.Port() != "" && (host == "127.0.0.1" || host == "localhost" || host == "::1") {
			data.Host, data.Port = host, u.Port()
			elsewhere = false
		}
	}
	data.Listen = net.JoinHostPort(data.Host, data.Port)
	var all []Snippet
	for _, one := range snippets[s.Kind] {
		var text strings.Builder
		if err := snippetTemplates.ExecuteTemplate(&text, one[2], data); err != nil {
			return nil, err
		}
		all = append(all, Snippet{Language: one[0], Library: one[1], Text: text.String(), Elsewhere: elsewhere && redirected(s.Kind)})
	}
	return all, nil
}

// redirected reports whether people sign in to applications of the kind.
func redirected(kind string) bool { return kind != "machine" && kind != "api" }
