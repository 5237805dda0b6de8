package dashboard_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/server/servertest"
)

const keysPage = "/admin/env/default/keys"

// signingKey is the environment's only key of the algorithm in the state.
func (o *office) signingKey(t testing.TB, algorithm keys.Algorithm, state keys.State) keys.SigningKey {
	t.Helper()
	all, err := o.Keys.Keys(t.Context(), o.Environment.ID)
	must(t, err)
	i := slices.IndexFunc(all, func(k keys.SigningKey) bool { return k.Algorithm == algorithm && k.State == state })
	if i < 0 {
		t.Fatalf("there is no %s key that is %s", algorithm, state)
	}
	return all[i]
}

// published are the kids at the JWKS address.
func (o *office) published(t testing.TB) (kids []string) {
	t.Helper()
	var set struct{ Keys []struct{ Kid string } }
	must(t, json.Unmarshal([]byte(o.NewBrowser(t).Open("/.well-known/jwks.json").Body), &set))
	for _, key := range set.Keys {
		kids = append(kids, key.Kid)
	}
	return kids
}

// acceptance 61: keys are rotated by hand, and what the old one signed is good until it is retired.
func TestKeys(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		o := open(t, i)
		b := o.browsers[admin.Admin]
		old := o.signingKey(t, keys.RS256, keys.Active)
		wantText(t, b.Open(keysPage), o.Issuer+"/.well-known/jwks.json", old.ID, "about twenty times", "Make a key", "Active", "1 application gets tokens")

		rotate := b.Open(keysPage + "/rotate?algorithm=RS256")
		p := b.Submit(rotate, "when-soon", "when", "")
		wantStatus(t, p, http.StatusUnprocessableEntity)
		wantText(t, p, "Choose when the new key signs.")
		p = b.Submit(rotate, "when-soon", "when", "soon")
		wantText(t, p, "The next key is published.", "The next key signs from")
		next := o.signingKey(t, keys.RS256, keys.Next)
		if kids := o.published(t); !slices.Contains(kids, next.ID) || !slices.Contains(kids, old.ID) {
			t.Errorf("published are %v, want %s and %s among them", kids, old.ID, next.ID)
		}
		p = b.Submit(rotate, "when-soon", "when", "now")
		wantText(t, p, "The new key signs.", "Published")
		if signs := o.signingKey(t, keys.RS256, keys.Active); signs.ID != next.ID {
			t.Errorf("%s signs, want the one that was the next, %s", signs.ID, next.ID)
		}

		// The one that signs can't be retired, on no page and by no forged form.
		if p := b.Open(keysPage + "/" + next.ID + "/retire"); p.URL.Path != keysPage {
			t.Errorf("the page to retire the active key answers %d at %s", p.Status, p.URL)
		}
		wantStatus(t, b.Post(keysPage+"/"+next.ID+"/retire", nil), http.StatusConflict)
		wantStatus(t, b.Post(keysPage+"/"+old.ID+"/delete", nil), http.StatusConflict)

		p = b.Open(keysPage + "/" + old.ID + "/retire")
		wantText(t, p, "Retire this key early?", old.ID, "are refused from now on", "1 application gets tokens signed with RS256.", "Nobody is signed out", "It cannot be undone.")
		p = b.Post(p.URL.Path, nil)
		wantText(t, p, "The key is retired.", "Retired")
		if kids := o.published(t); slices.Contains(kids, old.ID) {
			t.Errorf("the retired key is published still: %v", kids)
		}
		wantText(t, b.Open(keysPage+"/"+old.ID+"/delete"), "Delete this key?", "no longer recognized")
		wantText(t, b.Post(keysPage+"/"+old.ID+"/delete", nil), "The key is deleted.", "!"+old.ID)
		wantStatus(t, b.Open(keysPage+"/"+old.ID+"/retire"), http.StatusNotFound)
	})
}

func TestMakeKey(t *testing.T) {
	o := open(t, servertest.Start(t, servertest.Options{}))
	b := o.browsers[admin.Admin]
	wantStatus(t, b.Open(keysPage+"/rotate?algorithm=PS256"), http.StatusNotFound)
	for range 2 { // a second submit makes no other
		p := b.Post(keysPage+"/create", url.Values{"algorithm": {"PS256"}})
		wantText(t, p, "The key is made and signs.", "!Make a key")
	}
	made := o.signingKey(t, keys.PS256, keys.Active)
	if kids := o.published(t); len(kids) != 4 || !slices.Contains(kids, made.ID) {
		t.Errorf("published are %v", kids)
	}
	for _, form := range []url.Values{{"algorithm": {"HS256"}}, {"algorithm": {"none"}}, {}} {
		wantStatus(t, b.Post(keysPage+"/create", form), http.StatusBadRequest)
		wantStatus(t, b.Post(keysPage+"/rotate", url.Values{"algorithm": form["algorithm"], "when": {"now"}}), http.StatusBadRequest)
	}
	wantText(t, o.browsers[admin.Viewer].Open(keysPage), "Needs the admin role", made.ID, "!Retire early", "!>Rotate<", "!"+keysPage+"/rotate")

	// A key that was retired before it signed breaks nothing.
	_, err := o.Keys.Rotate(t.Context(), o.Environment.ID, keys.ES256)
	must(t, err)
	next := o.signingKey(t, keys.ES256, keys.Next)
	wantText(t, b.Open(keysPage+"/"+next.ID+"/retire"), "It has signed nothing yet", "!are refused from now on")
	o.Clock.Set(time.Hour)
	wantText(t, b.Post(keysPage+"/"+next.ID+"/retire", nil), "The key is retired.")
}
