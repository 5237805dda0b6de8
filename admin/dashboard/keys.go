package dashboard

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) keyRoutes() []route {
	const all = "/admin/env/{env}/keys"
	return []route{
		{"GET " + all, admin.ReadKeys, h.listKeys},
		{"POST " + all + "/create", admin.WriteKeys, h.createSigningKey},
		{"GET " + all + "/rotate", admin.WriteKeys, h.showRotate},
		{"POST " + all + "/rotate", admin.WriteKeys, h.rotate},
		{"GET " + all + "/{key}/retire", admin.WriteKeys, h.showRetireKey},
		{"POST " + all + "/{key}/retire", admin.WriteKeys, h.retireKey},
		{"GET " + all + "/{key}/delete", admin.WriteKeys, h.showDeleteKey},
		{"POST " + all + "/{key}/delete", admin.WriteKeys, h.deleteKey},
	}
}

// listKeys serves GET …/keys.
func (h *Handler) listKeys(w http.ResponseWriter, r *http.Request, v *visit) error {
	all, err := h.Keys.Keys(r.Context(), v.env.ID)
	if err != nil {
		return err
	}
	page := templates.DashboardKeys{
		Dashboard: v.in(templates.SectionKeys), JWKS: v.env.Issuer(h.PublicURL) + "/.well-known/jwks.json", Denied: v.denied(admin.WriteKeys),
	}
	for _, algorithm := range keys.Algorithms() {
		a := templates.KeyAlgorithm{Name: string(algorithm)}
		if a.Applications, err = h.signers(r.Context(), v, algorithm); err != nil {
			return err
		}
		for _, key := range all {
			switch {
			case key.Algorithm != algorithm:
			case key.State == keys.Active:
				a.Active = true
			case key.State == keys.Next:
				a.Next, a.Signs = true, h.Keys.Moves(key)
			}
		}
		page.Algorithms = append(page.Algorithms, a)
	}
	for _, key := range slices.Backward(all) {
		page.Rows = append(page.Rows, templates.KeyRow{
			ID: key.ID, Algorithm: string(key.Algorithm), State: string(key.State), Created: key.CreatedAt, Since: since(&key), Until: h.Keys.Moves(key),
		})
	}
	return templates.Render(w, http.StatusOK, page)
}

// since is when the key got into its state. One that was retired before it signed has fewer times than others.
func since(key *keys.SigningKey) time.Time {
	at := key.CreatedAt
	for _, later := range []time.Time{key.ActivatedAt, key.PublishedAt, key.RetiredAt} {
		if !later.IsZero() {
			at = later
		}
	}
	return at
}

// signers counts the applications whose ID tokens and JWT access tokens are signed with the algorithm.
func (h *Handler) signers(ctx context.Context, v *visit, algorithm keys.Algorithm) (n int, err error) {
	apps, err := h.Applications.All(ctx, v.env.ID)
	for _, app := range apps {
		if app.IDTokenSignedResponseAlg == string(algorithm) && (app.HasUsers() || app.AccessTokenFormat == clients.JWT) {
			n++
		}
	}
	return n, err
}

// createSigningKey serves POST …/keys/create: the first key of an algorithm signs at once, as nobody knows another.
func (h *Handler) createSigningKey(w http.ResponseWriter, r *http.Request, v *visit) error {
	algorithm := keys.Algorithm(r.PostForm.Get("algorithm"))
	active, err := h.signsWith(r.Context(), v, algorithm)
	if err != nil {
		return err
	}
	if !active {
		if _, err := h.Keys.RotateNow(r.Context(), v.env.ID, algorithm); err != nil {
			return err
		}
	}
	return to(w, r, v.at("/keys", "notice", "key_made"))
}

// signsWith reports whether there is an active key of the algorithm.
func (h *Handler) signsWith(ctx context.Context, v *visit, algorithm keys.Algorithm) (bool, error) {
	all, err := h.Keys.Keys(ctx, v.env.ID)
	return slices.ContainsFunc(all, func(k keys.SigningKey) bool { return k.Algorithm == algorithm && k.State == keys.Active }), err
}

// showRotate serves GET …/keys/rotate?algorithm=….
func (h *Handler) showRotate(w http.ResponseWriter, r *http.Request, v *visit) error {
	algorithm := keys.Algorithm(r.URL.Query().Get("algorithm"))
	if active, err := h.signsWith(r.Context(), v, algorithm); err != nil {
		return err
	} else if !active {
		return fault.NotFoundf("There is no key of this algorithm.")
	}
	return templates.Render(w, http.StatusOK, templates.DashboardKeyRotate{Dashboard: v.in(templates.SectionKeys), Algorithm: string(algorithm), When: "soon"})
}

// rotate serves POST …/keys/rotate.
func (h *Handler) rotate(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := templates.DashboardKeyRotate{Dashboard: v.in(templates.SectionKeys), Algorithm: r.PostForm.Get("algorithm"), When: r.PostForm.Get("when")}
	rotate, notice := h.Keys.Rotate, "key_next"
	switch page.When {
	case "soon":
	case "now":
		rotate, notice = h.Keys.RotateNow, "key_rotated"
	default:
		page.Errors = []templates.FieldError{{Field: "when", Text: templates.TextWhen}}
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	if _, err := rotate(r.Context(), v.env.ID, keys.Algorithm(page.Algorithm)); err != nil {
		return err
	}
	return to(w, r, v.at("/keys", "notice", notice))
}

// addressedKey is the key that the address names.
func (h *Handler) addressedKey(r *http.Request, v *visit) (*keys.SigningKey, error) {
	all, err := h.Keys.Keys(r.Context(), v.env.ID)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(k keys.SigningKey) bool { return k.ID == r.PathValue("key") })
	if i < 0 {
		return nil, keys.ErrNotFound
	}
	return &all[i], nil
}

func confirmKey(v *visit, key *keys.SigningKey, what templates.Confirmation, action string, effects ...templates.Message) templates.DashboardConfirm {
	return templates.DashboardConfirm{
		Dashboard: v.in(templates.SectionKeys), What: what, Subject: string(key.Algorithm) + " " + key.ID, Effects: effects,
		Path: "/admin/env/" + v.env.Slug + "/keys/" + key.ID + "/" + action, Back: v.at("/keys"),
	}
}

// showRetireKey serves GET …/keys/{key}/retire.
func (h *Handler) showRetireKey(w http.ResponseWriter, r *http.Request, v *visit) error {
	key, err := h.addressedKey(r, v)
	if err != nil {
		return err
	}
	switch key.State {
	case keys.Next:
		return templates.Render(w, http.StatusOK, confirmKey(v, key, templates.ConfirmRetireKey, "retire", templates.EffectNotSigned, templates.EffectForGood))
	case keys.Published:
		n, err := h.signers(r.Context(), v, key.Algorithm)
		if err != nil {
			return err
		}
		return templates.Render(w, http.StatusOK, confirmKey(v, key, templates.ConfirmRetireKey, "retire",
			templates.EffectSigned, templates.EffectSigners(string(key.Algorithm), n), templates.EffectKeptTokens, templates.EffectForGood))
	}
	return to(w, r, v.at("/keys"))
}

// retireKey serves POST …/keys/{key}/retire.
func (h *Handler) retireKey(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := h.Keys.Retire(r.Context(), v.env.ID, r.PathValue("key")); err != nil {
		return err
	}
	return to(w, r, v.at("/keys", "notice", "key_retired"))
}

// showDeleteKey serves GET …/keys/{key}/delete.
func (h *Handler) showDeleteKey(w http.ResponseWriter, r *http.Request, v *visit) error {
	key, err := h.addressedKey(r, v)
	if err != nil {
		return err
	}
	if key.State != keys.Retired {
		return to(w, r, v.at("/keys"))
	}
	return templates.Render(w, http.StatusOK, confirmKey(v, key, templates.ConfirmDeleteKey, "delete", templates.EffectHints, templates.EffectForGood))
}

// deleteKey serves POST …/keys/{key}/delete. A key that is gone by now is as it should be.
func (h *Handler) deleteKey(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := h.Keys.Delete(r.Context(), v.env.ID, r.PathValue("key")); err != nil && !errors.Is(err, keys.ErrNotFound) {
		return err
	}
	return to(w, r, v.at("/keys", "notice", "key_deleted"))
}
