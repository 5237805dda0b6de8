package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var comment = regexp.MustCompile(`(?m)^ *#.*\n|^\n`)

// FuzzLoad looks for files that bring the loader down, that are refused without a key to look at, or
// that are accepted and yet unfit to run with.
func FuzzLoad(f *testing.F) {
	for _, file := range []string{example, "testdata/mistakes.yaml"} {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(comment.ReplaceAll(content, nil)) // small inputs are minimized in less time
	}
	for _, text := range []string{
		"", "{}", "null", "[]", "secret", "1: 2", "? {a: b}\n: c", "mail: {1: {2: 3}}", "a: &a [*a]", "<<: {listen: ':1'}",
		"data_dir: 2026-11-24", "limits: {body_bytes: 0x10000}", "secret: !!binary aGk=", "listen: ~", "\"listen\\0x\": 1", "proxy: {trusted: [[{a: [b]}]]}",
		"public_url: https://id.example.com\nsecret_file: s\nmail: {from: a@b, smtp: {host: h}}", "--- a\n--- b",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		c, err := load("portico.yaml", nil, disk(map[string]string{"portico.yaml": string(content), "s": longSecret}))
		if err != nil {
			mistakes, ok := err.(Mistakes)
			if !ok || len(mistakes) == 0 {
				t.Fatalf("the error is no list of mistakes: %v", err)
			}
			for _, m := range mistakes {
				if m.Remedy == "" || !strings.Contains(err.Error(), m.Key) {
					t.Errorf("a mistake without a remedy, or whose key isn't told: %+v", m)
				}
			}
			return
		}
		if again, ok := origin().read(c.PublicURL); !ok || again != c.PublicURL {
			t.Errorf("public_url %q isn't written in one way: %q", c.PublicURL, again)
		}
		if again, ok := databaseURL().read(c.Database.URL.Reveal()); !ok || again != c.Database.URL {
			t.Errorf("database.url %q isn't written in one way: %q", c.Database.URL.Reveal(), again.Reveal())
		}
		if c.Secret == "" && !c.Local() {
			t.Error("a public installation without a secret")
		}
		if c.Local() && !onLoopback(c.Listen) {
			t.Errorf("local mode listens on %s", c.Listen)
		}
	})
}
