package provider

import (
	"errors"
	"net/http"
	"strings"

	"github.com/ory/fosite"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/grants"
)

// revoke serves POST /oauth2/revoke (RFC 7009). A refresh token takes its grant along, an access token only itself.
func (p *Provider) revoke(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(r)
	if err != nil {
		p.writeError(w, r, err)
		return
	}
	p.shareWithClient(w, r)
	app, err := p.clientOf(r.Context(), r, form)
	token := form.Get("token")
	if err == nil && token == "" {
		err = fosite.ErrInvalidRequest.WithHint("The parameter token is missing.")
	}
	if err == nil {
		if strings.HasPrefix(token, grants.RefreshTokenPrefix) {
			err = p.Ledger.RevokeRefresh(r.Context(), app, token)
		} else {
			err = p.revokeAccess(r, app, token)
		}
	}
	if err != nil {
		p.writeError(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

// revokeAccess makes an access token of the application no good. A token that is none of its own, or none at all, is no error
// (RFC 7009 §2.2).
func (p *Provider) revokeAccess(r *http.Request, app *clients.Application, text string) error {
	ctx := r.Context()
	t, err := p.open(ctx, text, p.Ledger.Store.Standing)
	if errors.Is(err, errDead) || err == nil && t.application.ID != app.ID {
		return nil
	}
	if err != nil {
		return err
	}
	return p.Ledger.Store.RevokeSerial(ctx, app.Environment, t.Serial, t.Expires)
}
