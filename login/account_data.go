package login

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/organizations"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// export is all that is kept about a person, as she gets it. Members are added to it, and keep their meaning.
type export struct {
	ExportedAt  time.Time          `json:"exported_at"`
	Issuer      string             `json:"issuer"`
	User        identity.Reply     `json:"user"`
	Memberships []exportMembership `json:"memberships"`
	Consents    []exportConsent    `json:"consents"`
	Sessions    []exportSession    `json:"sessions"`
	Events      []exportEvent      `json:"events"`
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
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Disposition", `attachment; filename="account-`+o.now.Format(time.DateOnly)+`.json"`)
	header.Set("Content-Length", strconv.Itoa(len(text)))
	header.Set("Cache-Control", "no-store")
	_, err = w.Write(text)
	return err
}

func (h *Handler) export(r *http.Request, o *owner) (*export, error) {
	ctx := r.Context()
	all := &export{
		ExportedAt: o.now, Issuer: o.env.Issuer(h.PublicURL), User: o.user.Reply(),
		Memberships: []exportMembership{}, Consents: []exportConsent{}, Sessions: []exportSession{},
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
	kept, err := h.Sessions.Store.SessionsOfUser(ctx, o.env.ID, o.user.ID, time.Unix(0, 0))
	if err != nil {
		return nil, err
	}
	for i := range kept {
		app, err := h.Applications.ByID(ctx, o.env.ID, kept[i].Application)
		if errors.Is(err, clients.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s := kept[i].Settled(&app.SessionPolicy, o.now)
		all.Sessions = append(all.Sessions, exportSession{
			s.ID, app.Name, s.Organization, s.AuthTime, s.AMR, s.Address, s.UserAgent, s.CreatedAt, s.LastActiveAt, s.EndedAt, s.EndedReason,
		})
	}
	all.Events, err = h.eventsOf(r, o)
	return all, err
}

// eventsOf returns what the person did and what was done to her, the latest first.
func (h *Handler) eventsOf(r *http.Request, o *owner) ([]exportEvent, error) {
	var found []audit.Event
	id := string(o.user.ID)
	for _, q := range []audit.Query{{Actor: id}, {Target: id}} {
		q.Limit = 500
		for more := true; more; {
			page, rest, err := h.Events.Events(r.Context(), string(o.env.ID), q)
			if err != nil {
				return nil, err
			}
			if found, more = append(found, page...), rest; more {
				q.Older = page[len(page)-1].Position()
			}
		}
	}
	slices.SortFunc(found, func(a, b audit.Event) int { return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.ID, a.ID)) })
	found = slices.CompactFunc(found, func(a, b audit.Event) bool { return a.ID == b.ID })
	events := make([]exportEvent, len(found))
	for i := range found {
		e := &found[i]
		events[i] = exportEvent{Name: e.Name, Time: e.Time, Actor: e.Actor.Kind, Own: e.Actor.ID == id, Application: e.Application, Reason: e.Reason, Data: e.Data}
		if events[i].Own {
			events[i].Address, events[i].UserAgent = e.Actor.Address, e.Actor.UserAgent
		}
	}
	return events, nil
}
