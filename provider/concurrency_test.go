package provider_test

import (
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/server/servertest"
	"github.com/portico-id/portico/sessions"
)

// secondNode is another server on the database and with the secrets of the first, reached at its own address.
func secondNode(t *testing.T, first *servertest.Installation) *servertest.Installation {
	t.Helper()
	second := servertest.Start(t, servertest.Options{
		DatabaseURL: first.Config.Database.URL.Reveal(), DataDir: first.Config.DataDir,
		Variables: map[string]string{"PORTICO_PUBLIC_URL": first.Config.PublicURL},
	})
	second.Issuer = "http://" + second.Config.Listen
	return second
}

// atOnce calls do for each of n callers at the same moment, and returns their answers.
func atOnce(n int, do func(caller int) *servertest.Reply) []*servertest.Reply {
	replies := make([]*servertest.Reply, n)
	start := make(chan struct{})
	var group sync.WaitGroup
	for caller := range n {
		group.Go(func() {
			<-start
			replies[caller] = do(caller)
		})
	}
	close(start)
	group.Wait()
	return replies
}

// TestRefreshAtOnce is acceptance 42: the same refresh token from 50 connections to two nodes gets one successor, the same for all.
func TestRefreshAtOnce(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := i.AddClient(t, "web", clients.Web, func(a *clients.Application) { a.IDTokenSignedResponseAlg = "ES256" })
		i.AddUser(t, ada)
		nodes := []*servertest.Installation{i, secondNode(t, i)}
		token := i.Tokens(t, c, ada, "openid offline_access").String("refresh_token")
		for range 3 {
			successor := ""
			for caller, r := range atOnce(50, func(caller int) *servertest.Reply { return nodes[caller%2].Refresh(t, c, token) }) {
				if r.Status != http.StatusOK {
					t.Fatalf("caller %d: %d %s", caller, r.Status, r.Body)
				}
				if successor == "" {
					successor = r.String("refresh_token")
				}
				if got := r.String("refresh_token"); got != successor || got == token {
					t.Fatalf("caller %d got the successor %s, another %s", caller, got, successor)
				}
			}
			token = successor
		}

		// After the window, from both nodes at once: the session ends, once.
		old := token
		token = i.Refresh(t, c, token).String("refresh_token")
		i.Clock.Set(31 * time.Second)
		nodes[1].Clock.Set(31 * time.Second)
		for _, r := range atOnce(10, func(caller int) *servertest.Reply { return nodes[caller%2].Refresh(t, c, old) }) {
			refused(t, r, http.StatusBadRequest, "invalid_grant")
		}
		refused(t, i.Refresh(t, c, token), http.StatusBadRequest, "invalid_grant")
		events := eventsOf(t, i, "session.refresh_reused")
		if len(events) != 1 || events[0].reason != "refresh_reuse" {
			t.Fatalf("the events are %+v", events)
		}
		for _, who := range []string{"rotated_by", "reused_by"} {
			caller, _ := events[0].data[who].(map[string]any)
			if caller["address"] != "127.0.0.1" || caller["user_agent"] == "" {
				t.Errorf("the event says %s %v", who, caller)
			}
		}
		if ended := eventsOf(t, i, "session.ended"); len(ended) != 1 || ended[0].reason != "refresh_reuse" {
			t.Errorf("the sessions that ended: %+v", ended)
		}
	})
}

// TestRedeemAtOnce: of many who redeem one code at once, on two nodes, one at most keeps what it got (RFC 6749 §4.1.2, acceptance 58).
func TestRedeemAtOnce(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := i.AddClient(t, "web", clients.Web, func(a *clients.Application) { a.IDTokenSignedResponseAlg = "ES256" })
		i.AddUser(t, ada)
		nodes := []*servertest.Installation{i, secondNode(t, i)}
		b := i.NewBrowser(t)
		for range 3 {
			code := b.Code(i, c, ada, "openid offline_access", nil)
			var won *servertest.Reply
			for caller, r := range atOnce(20, func(caller int) *servertest.Reply { return nodes[caller%2].Redeem(t, c, code) }) {
				switch {
				case r.Status != http.StatusOK:
					refused(t, r, http.StatusBadRequest, "invalid_grant")
				case won != nil:
					t.Fatalf("caller %d redeemed the code after another had", caller)
				default:
					won = r
				}
			}
			if won == nil {
				t.Fatal("nobody redeemed the code")
			}
			for _, token := range []string{won.String("access_token"), won.String("refresh_token")} {
				if r := i.Introspect(t, c, token); r.JSON["active"] != false {
					t.Errorf("what a reused code got is alive: %s", r.Body)
				}
			}
		}
		if events := eventsOf(t, i, "grant.code_reused"); len(events) != 3 {
			t.Errorf("%d events tell of the reuse, want 3", len(events))
		}
	})
}

// TestAnswerAtOnce: an interaction is answered once, however often the person clicks. Whoever comes too late is sent to where a sign-in
// starts again, and the client gets no error.
func TestAnswerAtOnce(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := i.AddClient(t, "web", clients.Web, nil)
		i.AddUser(t, ada)
		b := i.NewBrowser(t)
		b.Code(i, c, ada, "openid", nil)
		p := b.Open(i.AuthorizeURL(c, "openid", url.Values{"prompt": {"consent"}}))
		answers := make(chan *visit, 8)
		var group sync.WaitGroup
		for range cap(answers) {
			group.Go(func() {
				next := b.Submit(p, "consent-accept", "action", "allow")
				v := &visit{page: next}
				v.arrived(t)
				answers <- v
			})
		}
		group.Wait()
		close(answers)
		codes := 0
		for v := range answers {
			if v.answer.Has("error") {
				t.Errorf("%s", v)
			}
			if v.answer.Has("code") {
				codes++
			}
		}
		if codes != 1 {
			t.Errorf("%d codes were given, want 1", codes)
		}
	})
}

// When EndApplication has returned, no node takes a refresh token of the application's sessions, whatever it still thinks that it
// knows of the application; what it gave out before is worth nothing (design.md §2).
func TestEndApplicationIsAtOnce(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := i.AddClient(t, "web", clients.Web, func(a *clients.Application) { a.IDTokenSignedResponseAlg = "ES256" })
		other := i.AddClient(t, "other", clients.Web, nil)
		i.AddUser(t, ada)
		nodes := []*servertest.Installation{i, secondNode(t, i)}
		sibling := i.Tokens(t, other, ada, "openid offline_access").String("refresh_token")
		for range 3 {
			tokens := make([]string, 4)
			for n := range tokens {
				tokens[n] = nodes[n%2].Tokens(t, c, ada, "openid offline_access").String("refresh_token")
			}
			app, err := i.Applications.ByID(t.Context(), i.Environment.ID, c.ID)
			if err != nil {
				t.Fatal(err)
			}
			var ended atomic.Bool
			atOnce(len(tokens)+1, func(caller int) *servertest.Reply {
				if caller == len(tokens) {
					if _, err := i.Sessions.EndApplication(t.Context(), app, sessions.EndedByOperator); err != nil {
						t.Error(err)
					}
					ended.Store(true)
					return nil
				}
				for {
					over := ended.Load()
					r := nodes[caller%2].Refresh(t, c, tokens[caller])
					if over {
						refused(t, r, http.StatusBadRequest, "invalid_grant")
						return nil
					}
					if r.Status == http.StatusOK {
						tokens[caller] = r.String("refresh_token")
					}
				}
			})
			for n, token := range tokens {
				refused(t, nodes[(n+1)%2].Refresh(t, c, token), http.StatusBadRequest, "invalid_grant")
			}
		}
		if r := i.Refresh(t, other, sibling); r.Status != http.StatusOK {
			t.Errorf("the session in the other application: %d %s", r.Status, r.Body)
		}
	})
}
