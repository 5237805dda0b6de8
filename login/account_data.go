package login

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// export is what is kept about a person but for the lists sessions and events, which follow it in the file that she gets. Members
// are added to it, and keep their meaning.
type export struct {
	ExportedAt  time.Time          `json:"exported_at"`
	Issuer      string             `json:"issuer"`
	User        identity.Reply     `json:"user"`
	Memberships []exportMembership `json:"memberships"`
	Consents    []exportConsent    `json:"consents"`
}

type exportMembership struct {
	OrganizationID organizations.ID    `json:"organization_id"`
	Organization   string              `json:"organization"`
	Roles          []string            `json:"roles"`
	State          organizations.State `json:"state"`
	CreatedAt      time.Time           `json:"created_at"`
}

type exportConsent struct {
	Application string    `json:"application"`
	Scopes      []string  `json:"scopes"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

type exportSession struct {
	ID           sessions.ID          `json:"id"`
	Application  string               `json:"application"`
	Organization organizations.ID     `json:"organization_id,omitempty"`
	AuthTime     time.Time            `json:"auth_time"`
	AMR          []string             `json:"amr"`
	Address      string               `json:"address"`
	UserAgent    string               `json:"user_agent"`
	CreatedAt    time.Time            `json:"created_at"`
	LastActiveAt time.Time            `json:"last_active_at"`
	EndedAt      time.Time            `json:"ended_at,omitzero"`
	EndedReason  sessions.EndedReason `json:"ended_reason,omitempty"`
}

// exportEvent is what happened to the person or what she did. Where it was done from is told of her own deeds alone.
type exportEvent struct {
	Name        string          `json:"name"`
	Time        time.Time       `json:"time"`
	Actor       audit.ActorKind `json:"actor"`
	Own         bool            `json:"own"` // she did it herself
	Address     string          `json:"address,omitempty"`
	UserAgent   string          `json:"user_agent,omitempty"`
	Application string          `json:"application_id,omitempty"`
	Reason      string          `json:"reason,omitempty"`
	Data        any             `json:"data,omitempty"`
}

// showData serves GET /account/data.
func (h *Handler) showData(w http.ResponseWriter, _ *http.Request, o *owner) error {
	return templates.Render(w, http.StatusOK, templates.AccountData{Chrome: o.chrome, Account: o.person()})
}

// exportData serves POST /account/data: a file with all that is kept about the person.
func (h *Handler) exportData(w http.ResponseWriter, r *http.Request, o *owner) error {
	if !o.recent() {
		return h.authenticateAgain(w, r, o)
	}
	all, err := h.export(r, o)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Disposition", `attachment; filename="account-`+o.now.Format(time.DateOnly)+`.json"`)
	header.Set("Cache-Control", "no-store")
	if err := h.writeExport(r.Context(), w, o, all); err != nil {
		// The answer has begun: it is cut off, so that nobody takes what there is for all.
		h.Log.WarnContext(r.Context(), "export of an account broken off", "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// writeExport writes the file page by page, as there may be any number of sessions and events.
func (h *Handler) writeExport(ctx context.Context, w io.Writer, o *owner, all *export) error {
	out := bufio.NewWriter(w)
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	out.Write(bytes.TrimSuffix(text, []byte("\n}")))
	if err := writeList(out, "sessions", func(yield func(any) error) error { return h.eachSession(ctx, o, yield) }); err != nil {
		return err
	}
	if err := writeList(out, "events", func(yield func(any) error) error { return h.eachEvent(ctx, o, yield) }); err != nil {
		return err
	}
	out.WriteString("\n}\n")
	return out.Flush()
}

// writeList writes a list as a further member of an object. What out can't write, its Flush tells.
func writeList(out *bufio.Writer, name string, each func(yield func(any) error) error) error {
	fmt.Fprintf(out, ",\n  %q: [", name)
	between := "\n    "
	err := each(func(one any) error {
		text, err := json.MarshalIndent(one, "    ", "  ")
		if err != nil {
			return err
		}
		out.WriteString(between)
		between = ",\n    "
		_, err = out.Write(text)
		return err
	})
	out.WriteString("\n  ]")
	return err
}

func (h *Handler) export(r *http.Request, o *owner) (*export, error) {
	ctx := r.Context()
	all := &export{
		ExportedAt: o.now, Issuer: o.env.Issuer(h.PublicURL), User: o.user.Reply(),
		Memberships: []exportMembership{}, Consents: []exportConsent{},
	}
	memberships, err := h.Organizations.MembershipsOf(ctx, o.env.ID, o.user.ID)
	if err != nil {
		return nil, err
	}
	for i := range memberships {
		m := &memberships[i]
		all.Memberships = append(all.Memberships, exportMembership{m.Organization, m.OrganizationName, append([]string{}, m.Roles...), m.State, m.CreatedAt})
	}
	consents, err := h.Ledger.Store.Consents(ctx, o.env.ID, o.user.ID)
	if err != nil {
		return nil, err
	}
	for i := range consents {
		c := &consents[i]
		app, err := h.Applications.ByID(ctx, o.env.ID, c.Application)
		if errors.Is(err, clients.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all.Consents = append(all.Consents, exportConsent{app.Name, c.Scopes, c.CreatedAt, c.UpdatedAt})
	}
	return all, nil
}

// exportPage is how many sessions or events are read at once.
const exportPage = 500

// eachSession yields each session of the person, the latest started first.
func (h *Handler) eachSession(ctx context.Context, o *owner, yield func(any) error) error {
	q, err := h.Sessions.Select(ctx, o.env.ID, sessions.Selection{User: o.user.ID}, "")
	if err != nil {
		return err
	}
	apps := map[clients.ID]*clients.Application{}
	for _, app := range q.Applications {
		apps[app.ID] = app
	}
	q.Limit = exportPage
	for more := true; more; {
		var page []sessions.Listed
		if page, more, err = h.Sessions.Store.SelectedSessions(ctx, o.env.ID, q); err != nil {
			return err
		}
		for i := range page {
			app := apps[page[i].Application]
			s := page[i].Settled(&app.SessionPolicy, o.now)
			err := yield(exportSession{
				s.ID, app.Name, s.Organization, s.AuthTime, s.AMR, s.Address, s.UserAgent, s.CreatedAt, s.LastActiveAt, s.EndedAt, s.EndedReason,
			})
			if err != nil {
				return err
			}
			q.Older = s.ID
		}
	}
	return nil
}

// eachEvent yields what the person did and what was done to her, the latest first. Of each it reads a page, and yields both down to
// where neither has more.
func (h *Handler) eachEvent(ctx context.Context, o *owner, yield func(any) error) error {
	id := string(o.user.ID)
	for end := (audit.Position{}); ; {
		var found []audit.Event
		older, whole := end, true
		for _, q := range []audit.Query{{Actor: id}, {Target: id}} {
			q.Older, q.Limit = older, exportPage
			page, more, err := h.Events.Events(ctx, string(o.env.ID), q)
			if err != nil {
				return err
			}
			found = append(found, page...)
			if more {
				if last := page[len(page)-1].Position(); whole || latestFirst(last, end) < 0 {
					end = last
				}
				whole = false
			}
		}
		slices.SortFunc(found, func(a, b audit.Event) int { return latestFirst(a.Position(), b.Position()) })
		found = slices.CompactFunc(found, func(a, b audit.Event) bool { return a.ID == b.ID })
		for i := range found {
			if !whole && latestFirst(found[i].Position(), end) > 0 {
				break
			}
			if err := yield(exported(&found[i], id)); err != nil {
				return err
			}
		}
		if whole {
			return nil
		}
	}
}

func latestFirst(a, b audit.Position) int {
	return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.ID, a.ID))
}

// exported is what the person with the ID is told of an event.
func exported(e *audit.Event, id string) exportEvent {
	told := exportEvent{Name: e.Name, Time: e.Time, Actor: e.Actor.Kind, Own: e.Actor.ID == id, Application: e.Application, Reason: e.Reason, Data: e.Data}
	if told.Own {
		told.Address, told.UserAgent = e.Actor.Address, e.Actor.UserAgent
	}
	return told
}
