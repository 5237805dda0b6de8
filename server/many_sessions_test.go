package server_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.jetify.com/typeid/v2"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/sessions"
)

// Who signs in by a script, time and again, makes no page large: her account has pages, and the file of her data all there is.
func TestManySessionsAndEvents(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		ctx := t.Context()
		wiki := i.AddClient(t, "Wiki", clients.Web, nil)
		ada := i.AddUser(t, "ada@example.com")
		b := i.NewBrowser(t)
		b.Code(i, wiki, ada.Email, "openid", nil)
		const many = 1100
		err := i.Sessions.InTx(ctx, func(ctx context.Context) error {
			q, err := i.Sessions.Select(ctx, i.Environment.ID, sessions.Selection{User: ada.ID}, sessions.Living)
			if err != nil {
				return err
			}
			q.Limit = 1
			found, _, err := i.Sessions.Store.SelectedSessions(ctx, i.Environment.ID, q)
			if err != nil {
				return err
			}
			for n := range many {
				s := found[0].Session
				s.ID = sessions.ID(typeid.MustGenerate("ses").String())
				if err := i.Sessions.Store.CreateSession(ctx, &s); err != nil {
					return err
				}
				e := audit.Event{Name: "user.tested", Environment: string(i.Environment.ID), Target: string(ada.ID)}
				if n%3 > 0 {
					e.Actor = audit.Actor{Kind: audit.ActorUser, ID: string(ada.ID)}
				}
				if n%3 == 1 {
					e.Target = ""
				}
				if err := i.Audit.Record(ctx, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}

		p := b.Open(i.Issuer + "/account/sessions")
		if got := strings.Count(p.Body, `name="session"`); got != 100 || !strings.Contains(p.Body, "Older sessions") {
			t.Errorf("the first page has %d sessions\n%s", got, p.Title)
		}
		_, older, _ := strings.Cut(p.Body, `/account/sessions?older=`)
		older, _, _ = strings.Cut(older, `"`)
		if got := strings.Count(b.Open(i.Issuer+"/account/sessions?older="+older).Body, `name="session"`); got != 100 {
			t.Errorf("the second page has %d sessions", got)
		}

		p = b.Post(i.Issuer+"/account/data", nil)
		type event struct {
			Name string
			Time time.Time
			Own  bool
		}
		var data struct {
			User     struct{ Email string }
			Sessions []struct{ ID string }
			Events   []event
		}
		if err := json.Unmarshal([]byte(p.Body), &data); err != nil || p.Status != http.StatusOK {
			t.Fatalf("%d, %v", p.Status, err)
		}
		tested, own := 0, 0
		for _, e := range data.Events {
			if e.Name == "user.tested" {
				if tested++; e.Own {
					own++
				}
			}
		}
		if len(data.Sessions) != many+1 || tested != many || own != many*2/3 || data.User.Email != ada.Email {
			t.Errorf("the file has %d sessions and %d events, %d her own, of %q", len(data.Sessions), tested, own, data.User.Email)
		}
		if !slices.IsSortedFunc(data.Events, func(a, b event) int { return b.Time.Compare(a.Time) }) {
			t.Error("the events are not in the order of time")
		}
	})
}
