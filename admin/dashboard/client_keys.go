package dashboard

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) clientKeyRoutes() []route {
	return []route{{"POST /admin/env/{env}/applications/{app}/credentials/method", admin.WriteApplications, h.about(h.saveMethod)}}
}

// proofOf says how the application authenticates.
func proofOf(v *visit, app *clients.Application) templates.ClientProof {
	proof := templates.ClientProof{Method: string(app.TokenEndpointAuthMethod), JWKSURI: app.JWKSURI}
	var indented bytes.Buffer
	if app.JWKS != nil && json.Indent(&indented, app.JWKS, "", "  ") == nil {
		proof.JWKS = indented.String()
	}
	proof.NeedsSecret = slices.ContainsFunc(app.CheckUp(v.now, v.now), func(f clients.Finding) bool { return f.What == clients.NoSignedSecret })
	return proof
}

// saveMethod serves POST …/credentials/method: how the application authenticates, and its public keys.
func (h *Handler) saveMethod(w http.ResponseWriter, r *http.Request, v *visit, app *clients.Application) error {
	method, uri, text := r.PostForm.Get("method"), strings.TrimSpace(r.PostForm.Get("jwks-uri")), strings.TrimSpace(r.PostForm.Get("jwks"))
	wrong, err := h.change(r, v, app, "method", func(a *clients.Application) error {
		a.TokenEndpointAuthMethod, a.JWKSURI, a.JWKS = clients.AuthMethod(method), uri, nil
		if text != "" {
			a.JWKS = json.RawMessage(text)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(wrong) == 0 {
		return to(w, r, v.atApplication(app, "/credentials", "notice", "saved"))
	}
	page, err := h.credentialsPage(r, v, app)
	if err != nil {
		return err
	}
	if err := h.renew(r, v, &page.ApplicationPage); err != nil {
		return err
	}
	page.Errors = proofProblems(wrong)
	page.Proof.Method, page.Proof.JWKSURI, page.Proof.JWKS = method, uri, text
	return templates.Render(w, http.StatusUnprocessableEntity, page)
}

// proofProblems puts each problem at a field of the form: what is wrong within a key belongs to the keys, and what the method
// doesn't go with belongs to the method.
func proofProblems(wrong []templates.FieldError) []templates.FieldError {
	for i := range wrong {
		switch field := &wrong[i].Field; *field {
		case "method", "jwks-uri":
		case "token-endpoint-auth-method", "pkce", "grant-types":
			*field = "method"
		default:
			*field = "jwks"
		}
	}
	return wrong
}
