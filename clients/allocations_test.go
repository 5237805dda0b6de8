//go:build !race

// The race detector makes sync.Pool forget at random, so allocations are counted without it.

package clients

import (
	"context"
	"testing"
)

func TestAllocations(t *testing.T) {
	ctx := context.Background()
	r, _, _ := newRegistry(t)
	app, secret := mustCreate(t, r, production, Web, func(a *Application) {
		a.Kind, a.RedirectURIs = Native, []string{"https://app.example/cb", "http://127.0.0.1/cb"}
	})
	right := secret.Reveal()
	r.Authenticate(ctx, app, right, "192.0.2.1")
	for name, do := range map[string]func(){
		"ByClientID":          func() { r.ByClientID(ctx, production.ID, app.ClientID) },
		"ByID":                func() { r.ByID(ctx, production.ID, app.ID) },
		"AllowsOrigin":        func() { r.AllowsOrigin(ctx, production.ID, "https://app.example") },
		"Authenticate":        func() { r.Authenticate(ctx, app, right, "192.0.2.1") },
		"AuthenticateUnknown": func() { r.AuthenticateUnknown(right) },
		"AllowsRedirect":      func() { app.AllowsRedirect("http://127.0.0.1:53210/cb") },
	} {
		if got := testing.AllocsPerRun(100, do); got != 0 {
			t.Errorf("%s: %v allocations, want none", name, got)
		}
	}
}
