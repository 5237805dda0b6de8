package provider

import (
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ory/fosite"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/grants"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// authorizeByPost serves POST /oauth2/authorize (OIDC Core §3.1.2.1). A browser leaves its cookie at home when another
// site posts, but brings it along when it follows to a GET.
func (p *Provider) authorizeByPost(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(r)
	var mistake *fosite.RFC6749Error
	if errors.As(err, &mistake) {
		p.showError(w, r, &pageError{"request", describe(mistake), "RFC 6749, section 3.1"})
		return
	}
	if err := checkSize(form); err != nil {
		p.showError(w, r, err)
		return
	}
	p.leave(w, r, environments.FromContext(r.Context()).PathPrefix()+"/oauth2/authorize?"+form.Encode())
}

// authorize serves GET /oauth2/authorize. It decides what the request needs next and sends the browser there, or answers
// the client. A page that has done its step sends the browser back here with the interaction.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	env := environments.FromContext(ctx)
	handle := p.Cookies.Handle(r, env)
	form, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		p.showError(w, r, &pageError{"request", "is not properly form-encoded.", "RFC 6749, section 3.1"})
		return
	}
	if form.Has("ticket") {
		p.adoptTest(w, r, sessions.InteractionID(form.Get("interaction")), sessions.Handle(form.Get("ticket")))
		return
	}
	own := "" // the one address that only this request may name
	var interaction *sessions.Interaction
	if id := form.Get("interaction"); id != "" {
		interaction, err = p.Sessions.Interaction(ctx, env.ID, handle, sessions.InteractionID(id))
		if errors.Is(err, sessions.ErrNotFound) || err == nil && !interaction.DoneAt.IsZero() {
			p.leave(w, r, p.page(env, stepSignIn, sessions.InteractionID(id), form.Get("client_id"))) // which starts again at the application
			return
		}
		if err == nil {
			form, own = url.Values{}, interaction.OwnRedirectURI
			err = json.Unmarshal(interaction.Request, &form)
		}
		if err != nil {
			p.showError(w, r, err)
			return
		}
	}
	req, err := p.parse(ctx, form, own)
	if req == nil {
		p.showError(w, r, err)
		return
	}
	if err != nil {
		p.answerError(w, r, req, err)
		return
	}
	s := &situation{now: p.Now().UTC(), environment: env, application: req.application, request: req, interaction: interaction}
	if s.accounts, err = p.Sessions.Accounts(ctx, env.ID, handle, req.application.ID); err != nil {
		p.answerError(w, r, req, err)
		return
	}
	next, account, err := s.decide()
	if next == stepConsent && !req.hasPrompt("consent") {
		// Only now is it worth asking what she allowed before.
		if s.consented, err = p.consented(ctx, account, s); err == nil {
			next, account, err = s.decide()
		}
	}
	if err != nil {
		p.finish(ctx, interaction)
		p.answerError(w, r, req, err)
		return
	}
	if next != stepAnswer {
		p.ask(w, r, s, handle, next)
		return
	}
	code, err := p.issueCode(ctx, s, account, caller(r))
	if errors.Is(err, sessions.ErrNotFound) { // a second click was faster
		p.leave(w, r, p.page(env, stepSignIn, interaction.ID, req.application.ClientID))
		return
	}
	if err != nil {
		p.answerError(w, r, req, err)
		return
	}
	p.Sessions.Activity.Browser(env.ID, account.BrowserSession.ID, s.now)
	parameters := url.Values{"code": {code}}
	if subset([]string{"openid"}, req.scopes) {
		set(parameters, "session_state", sessionState(req, p.Cookies.State(r, env)))
	}
	p.answer(w, r, req, parameters)
}

func (p *Provider) consented(ctx context.Context, account *sessions.Account, s *situation) ([]string, error) {
	c, err := p.Ledger.Store.Consent(ctx, s.environment.ID, account.BrowserSession.User, s.application.ID)
	if errors.Is(err, grants.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return c.Scopes, nil
}

// ask keeps the request, unless that was done before, and sends the browser to the page of the step.
func (p *Provider) ask(w http.ResponseWriter, r *http.Request, s *situation, handle sessions.Handle, next step) {
	ctx := r.Context()
	if s.interaction == nil {
		handle, err := p.handled(w, r, s.environment, handle)
		if err != nil {
			p.answerError(w, r, s.request, err)
			return
		}
		form, err := json.Marshal(s.request.form)
		if err == nil {
			s.interaction, err = p.Sessions.Begin(ctx, s.application, handle, form, s.authenticatedAfter())
		}
		if err != nil {
			p.answerError(w, r, s.request, err)
			return
		}
	}
	p.leave(w, r, p.page(s.environment, next, s.interaction.ID, s.application.ClientID))
}

// handled returns the handle of the browser, and gives it one if it has none.
func (p *Provider) handled(w http.ResponseWriter, r *http.Request, env *environments.Environment, handle sessions.Handle) (sessions.Handle, error) {
	if handle != "" {
		return handle, nil
	}
	handle = sessions.NewHandle()
	return handle, p.Cookies.Set(w, r, env, handle, false)
}

// page is the address of a hosted page. With the client's ID in it the address alone can start the flow again.
func (p *Provider) page(env *environments.Environment, next step, id sessions.InteractionID, clientID string) string {
	query := url.Values{}
	set(query, "interaction", string(id))
	set(query, "client_id", clientID)
	address := env.PathPrefix() + string(next)
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return address
}

// issueCode answers the request: session, grant and code in one transaction. The interaction is done with it, so that it
// is answered once. It returns sessions.ErrNotFound if it was answered before.
func (p *Provider) issueCode(ctx context.Context, s *situation, account *sessions.Account, by grants.Caller) (string, error) {
	var code string
	err := p.InTx(ctx, func(ctx context.Context) error {
		if s.interaction != nil {
			if err := p.Sessions.Store.FinishInteraction(ctx, s.environment.ID, s.interaction.ID, s.now); err != nil {
				return err
			}
		}
		organization, _ := s.organization(account)
		session, err := p.Sessions.Open(ctx, s.application, account, organization, sessions.Origin{Address: by.Address, UserAgent: by.UserAgent})
		if err != nil {
			return err
		}
		f := &flow{environment: s.environment, application: s.application, caller: by, redirectURI: s.request.redirectURI}
		f.grant = &grants.Grant{
			ID: grants.NewID(), Environment: s.environment.ID, Session: session.ID, User: session.User, Application: s.application.ID,
			Scopes: s.request.scopes, Audience: s.request.audience, Claims: s.request.claims, Nonce: s.request.form.Get("nonce"), CreatedAt: s.now,
		}
		if !f.refreshable() {
			// Nothing lives longer under it than a code, and the longest access token got for it at the last moment.
			f.grant.ExpiresAt = s.now.Add(s.application.SessionPolicy.AuthorizationCodeLifetime + 24*time.Hour)
		}
		ctx = withFlow(ctx, f)
		form := s.request.forFosite()
		request, err := p.fosite.NewAuthorizeRequest(ctx, &http.Request{Method: http.MethodGet, Form: form, Header: http.Header{}, URL: &url.URL{RawQuery: form.Encode()}})
		if err != nil {
			return err
		}
		for _, scope := range s.request.scopes {
			request.GrantScope(scope)
		}
		for _, audience := range s.request.audience {
			request.GrantAudience(audience)
		}
		response, err := p.fosite.NewAuthorizeResponse(ctx, request, newTokenSession(string(session.User)))
		if err != nil {
			return err
		}
		code = response.GetCode()
		return p.Ledger.Store.CreateGrant(ctx, f.grant, f.newCode)
	})
	return code, err
}

// refreshable reports whether the grant's code brings a refresh token.
func (f *flow) refreshable() bool {
	return f.application.Allows("refresh_token") && subset([]string{"offline_access"}, f.grant.Scopes)
}

// finish marks the interaction, if there is one, as answered by an error.
func (p *Provider) finish(ctx context.Context, i *sessions.Interaction) {
	if i == nil {
		return
	}
	if err := p.Sessions.Store.FinishInteraction(ctx, i.Environment, i.ID, p.Now().UTC()); err != nil {
		p.Log.ErrorContext(ctx, "an interaction could not be marked as done", "err", err)
	}
}

// answer sends the browser back to the client with the parameters, in the request's response mode, with state and iss
// (RFC 6749 §4.1.2, RFC 9207).
func (p *Provider) answer(w http.ResponseWriter, r *http.Request, req *authorizationRequest, parameters url.Values) {
	set(parameters, "state", req.form.Get("state"))
	parameters.Set("iss", p.issuer(r.Context()))
	if req.responseMode == fosite.ResponseModeFormPost {
		fields := make([]templates.FormField, 0, len(parameters))
		for _, name := range []string{"code", "error", "error_description", "state", "session_state", "iss"} {
			if parameters.Has(name) {
				fields = append(fields, templates.FormField{Name: name, Value: parameters.Get(name)})
			}
		}
		page := templates.FormPost{Chrome: p.Chrome(r, req.application), Action: template.URL(req.redirectURI), Fields: fields}
		if err := templates.Render(w, http.StatusOK, page); err != nil {
			p.Log.ErrorContext(r.Context(), "page not rendered", "err", err)
		}
		return
	}
	address := withQuery(req.redirectURI, parameters)
	if req.responseMode == fosite.ResponseModeFragment {
		address = req.redirectURI + "#" + parameters.Encode()
	}
	p.leave(w, r, address)
}

// withQuery adds parameters to an address that was registered, so has no fragment.
func withQuery(address string, parameters url.Values) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + parameters.Encode()
}

// answerError tells the client why its request fails (RFC 6749 §4.1.2.1).
func (p *Provider) answerError(w http.ResponseWriter, r *http.Request, req *authorizationRequest, err error) {
	e := oauthError(err)
	p.logRefusal(r, e, err)
	p.answer(w, r, req, url.Values{"error": {e.ErrorField}, "error_description": {describe(e)}})
}
