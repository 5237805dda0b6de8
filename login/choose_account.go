package login

import (
	"errors"
	"net/http"
	"slices"

	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// showAccounts serves GET /sign-in/choose-account: the accounts that this browser knows.
func (h *Handler) showAccounts(w http.ResponseWriter, r *http.Request, f *flow) error {
	c := h.chrome(r, f)
	if len(f.accounts) == 0 {
		return to(w, r, c.Href("/sign-in"))
	}
	if c.Notice.IsZero() {
		c.Notice = f.sessionEnded()
	}
	page := templates.ChooseAccount{Chrome: c, Removing: r.URL.Query().Get("mode") == "remove"}
	for i := range f.accounts {
		a := &f.accounts[i]
		page.Accounts = append(page.Accounts, templates.AccountChoice{Person: person(a), ID: string(a.BrowserSession.ID), SignedIn: a.Alive(f.env, f.now)})
	}
	slices.SortStableFunc(page.Accounts, func(a, b templates.AccountChoice) int {
		switch {
		case a.SignedIn == b.SignedIn:
			return 0
		case a.SignedIn:
			return -1
		}
		return 1
	})
	return templates.Render(w, http.StatusOK, page)
}

func person(a *sessions.Account) templates.Person {
	return templates.Person{Name: a.Name, Email: a.Email}
}

// chooseAccount serves POST /sign-in/choose-account.
func (h *Handler) chooseAccount(w http.ResponseWriter, r *http.Request, f *flow) error {
	ctx, c := r.Context(), h.chrome(r, f)
	if id := sessions.BrowserID(r.PostForm.Get("remove")); id != "" {
		if a := f.known(id); a != nil {
			ctx := as(ctx, a.BrowserSession.User, a.Email)
			err := h.Sessions.Forget(ctx, f.env.ID, h.Cookies.Handle(r, f.env), id)
			if err != nil && !errors.Is(err, sessions.ErrNotFound) {
				return err
			}
			h.Cookies.ChangeState(w, f.env)
		}
		return to(w, r, c.Href("/sign-in/choose-account", "mode", "remove"))
	}
	if r.PostForm.Get("action") == "other" {
		if err := h.advance(ctx, r, f, func(i *sessions.Interaction) { i.Account, i.Username = "", "" }); err != nil {
			return err
		}
		return to(w, r, c.Href("/sign-in", "other", "1"))
	}
	a := f.known(sessions.BrowserID(r.PostForm.Get("account")))
	if a == nil {
		return to(w, r, c.Href("/sign-in/choose-account"))
	}
	good := f.good(a)
	err := h.advance(ctx, r, f, func(i *sessions.Interaction) {
		i.Account, i.Organization, i.Username = "", "", a.Email
		if good {
			i.Account = a.BrowserSession.ID
		}
	})
	if err != nil {
		return err
	}
	if good {
		return h.proceed(w, r, f)
	}
	return to(w, r, c.Href("/sign-in/password"))
}

// known is the account of this browser with the ID; nil if there is none.
func (f *flow) known(id sessions.BrowserID) *sessions.Account {
	for i := range f.accounts {
		if a := &f.accounts[i]; a.BrowserSession.ID == id {
			return a
		}
	}
	return nil
}
