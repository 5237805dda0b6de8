package demo

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

func TestClocks(t *testing.T) {
	w := newWorld(t)
	w.lacks(w.get("/"), "Signed in", "session ends in")
	w.get("/notes/login")
	for _, path := range []string{"/notes/", "/"} {
		w.shows(w.get(path), 200, path, "Access token expires in", `data-left="299"`, "If you stay away, the session ends in", "2 d 23:59:59")
	}
	w.Provider.Life = 50 * time.Hour // the policy was changed, and that counts for this session too
	w.shows(w.get("/notes/"), 200, "/notes/", "2 d 1:59:59")
	clear(w.Provider.refresh)
	w.shows(w.get("/notes/"), 200, "/notes/", `id="notes-session-left">over<`)
}

func TestLetTimePass(t *testing.T) {
	w := newWorld(t)
	w.get("/notes/login")
	w.get("/tasks/login")
	w.shows(w.post("/time", url.Values{"pass": {"hour"}}), 200, "/", "Still signed in", "Notes handed in its refresh token", "Tasks handed in its refresh token")
	if w.Provider.Ahead != time.Hour {
		t.Errorf("the clock is %s ahead, want an hour", w.Provider.Ahead)
	}
	w.Provider.EndedFor = "notes"
	w.Provider.Ended = "The session ended at " + w.Provider.now().Add(3*24*time.Hour).UTC().Format(time.RFC3339) + ": inactivity."
	page := w.post("/time", url.Values{"pass": {"weekend"}})
	w.shows(page, 200, "/", "You were signed out of Notes because you were away for 3 days", "Still signed in", "Tasks handed in its refresh token")
	w.lacks(page, "Notes handed in")
	w.shows(w.get("/notes/"), 200, "/notes/", "You were signed out of Notes because you were away for 3 days", "Sign in with Portico")
	w.shows(w.post("/time", url.Values{"pass": {"a year"}}), 200, "/")
	if want := 73 * time.Hour; w.Provider.Ahead != want {
		t.Errorf("the clock is %s ahead, want %s", w.Provider.Ahead, want)
	}
}

// Whoever can't move the clock is offered nothing.
func TestTimeThatCannotPass(t *testing.T) {
	p := newFakeProvider(t)
	handler, err := New(Config{Issuer: p.URL, BaseURL: "http://127.0.0.1:1", Notes: Client{ID: "a", Secret: "b"}, Tasks: Client{ID: "c", Secret: "d"}})
	if err != nil {
		t.Fatal(err)
	}
	shown := httptest.NewRecorder()
	handler.ServeHTTP(shown, httptest.NewRequest("GET", "/", nil))
	if shown.Code != 200 || strings.Contains(shown.Body.String(), "Let time pass") {
		t.Errorf("the overview: %d %s", shown.Code, shown.Body)
	}
	refused := httptest.NewRecorder()
	handler.ServeHTTP(refused, httptest.NewRequest("POST", "/time", strings.NewReader("pass=hour")))
	if refused.Code != 404 {
		t.Errorf("POST /time: %d, want 404", refused.Code)
	}
}

func TestFarewell(t *testing.T) {
	received := time.Date(2026, 3, 6, 18, 0, 0, 4_000_000, time.UTC)
	acc := account{Received: received, Claims: idClaims{AuthTime: received.Unix()}}
	a := &app{client: Client{Name: "Notes"}}
	for _, test := range []struct{ description, title string }{
		{"The session ended at 2026-03-09T18:00:00Z: inactivity.", "You were signed out of Notes because you were away for 3 days"},
		{"The session ended at 2026-03-06T23:00:00Z: inactivity.", "You were signed out of Notes because you were away for 5 hours"},
		{"The session ended at 2026-03-20T18:00:00Z: max_length.", "You were signed out of Notes because you signed in 14 days before"},
		{"The session ended at 2026-03-20T18:00:00Z: revoked_by_operator.", "Your session at Portico has ended"},
		{"The session ended at some time: inactivity.", "Your session at Portico has ended"},
		{"", "Your session at Portico has ended"},
	} {
		n := a.farewell(acc, &oauth2.RetrieveError{ErrorCode: "invalid_grant", ErrorDescription: test.description})
		if n.Title != test.title || n.Text == "" || !n.Bad {
			t.Errorf("farewell for %q = %+v, want %q", test.description, n, test.title)
		}
	}
}
