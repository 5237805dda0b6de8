package templates

import (
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func mustSnippets(t *testing.T, s SnippetFor) []Snippet {
	t.Helper()
	all, err := Snippets(s)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSnippets(t *testing.T) {
	for kind, want := range map[string]string{"web": "Go Node.js", "spa": "JavaScript", "native": "Go Node.js", "machine": "curl", "api": "curl", "device": ""} {
		var got []string
		for _, s := range mustSnippets(t, SnippetFor{Kind: kind, Issuer: "https://id.example", ClientID: "acme", RedirectURI: "https://app.example/cb", Secret: kind == "web"}) {
			got = append(got, s.Language)
			for _, text := range []string{"https://id.example", "acme"} {
				if !strings.Contains(s.Text, text) {
					t.Errorf("%s %s: no %s in\n%s", kind, s.Language, text, s.Text)
				}
			}
			if strings.Contains(s.Text, "CLIENT_SECRET") != (kind == "web" || kind == "machine" || kind == "api") {
				t.Errorf("%s %s: the secret in\n%s", kind, s.Language, s.Text)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %s", kind, got, want)
		}
	}
}

// A redirect URI ends no text that it is put into.
func TestSnippetsQuote(t *testing.T) {
	for _, s := range mustSnippets(t, SnippetFor{Kind: "web", Issuer: "https://id.example", ClientID: "acme", RedirectURI: `https://app.example/c'"b`}) {
		if !strings.Contains(s.Text, `"https://app.example/c'\"b"`) {
			t.Errorf("%s:\n%s", s.Language, s.Text)
		}
	}
}

// The Go program is formatted and compiles.
func TestSnippetCompiles(t *testing.T) {
	for _, s := range []SnippetFor{
		{Kind: "web", Issuer: "https://id.example", ClientID: "acme", RedirectURI: "https://app.example/cb", Secret: true},
		{Kind: "native", Issuer: "https://id.example", ClientID: "acme"},
	} {
		text := mustSnippets(t, s)[0].Text
		formatted, err := format.Source([]byte(text))
		if err != nil || string(formatted) != text {
			t.Errorf("%s: not formatted: %v\n%s", s.Kind, err, text)
		}
		file := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput(); err != nil {
			t.Errorf("%s: go vet: %v\n%s\n%s", s.Kind, err, out, text)
		}
	}
}
