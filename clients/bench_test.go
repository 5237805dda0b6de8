package clients

import (
	"context"
	"fmt"
	"testing"
)

func BenchmarkByClientID(b *testing.B) {
	ctx := context.Background()
	r, _, _ := newRegistry(b)
	app, _ := mustCreate(b, r, production, Web, nil)
	for range 100 {
		mustCreate(b, r, production, Web, nil)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.ByClientID(ctx, production.ID, app.ClientID); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	ctx := context.Background()
	r, _, _ := newRegistry(b)
	app, secret := mustCreate(b, r, production, Web, nil)
	right := secret.Reveal()
	wrong := right[:len(right)-1] + "!"
	b.Run("right", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !r.Authenticate(ctx, app, right, "192.0.2.1") {
				b.Fatal("the secret fails")
			}
		}
	})
	b.Run("wrong", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Authenticate(ctx, app, wrong, "192.0.2.1")
		}
	})
	b.Run("unknown", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.AuthenticateUnknown(wrong)
		}
	})
}

func BenchmarkAllowsRedirect(b *testing.B) {
	app := &Application{Kind: Native, WildcardRedirects: true}
	for i := range 10 {
		app.RedirectURIs = append(app.RedirectURIs, fmt.Sprintf("https://app.example/cb/%d", i))
	}
	app.RedirectURIs = append(app.RedirectURIs, "http://127.0.0.1/cb", "https://*.preview.example.com/cb")
	for name, uri := range map[string]string{
		"exact": "https://app.example/cb/9", "loopback": "http://127.0.0.1:53210/cb", "wildcard": "https://a.preview.example.com/cb", "none": "https://evil.example/cb",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if app.AllowsRedirect(uri) == (name == "none") {
					b.Fatal(uri)
				}
			}
		})
	}
}
