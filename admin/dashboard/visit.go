package dashboard

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/sessions"
	"github.com/portico-id/portico/templates"
)

// visit is an operator's request: who asks, and about which environment.
type visit struct {
	operator *admin.Operator
	browser  sessions.BrowserID        // her sign-in
	env      *environments.Environment // nil on the pages of the installation
	now      time.Time
	shell    templates.Dashboard
}

// refusal says that the operator's role isn't enough.
type refusal struct {
	role admin.Role // that would be
}

func (r *refusal) Error() string { return "needs the role " + string(r.role) }

func (r *refusal) Unwrap() error { return fault.Forbiddenf("Needs the %s role", r.role) }

// visited serves a page to an operator who has the permission. Who isn't signed in does that first.
func (h *Handler) visited(needs admin.Permission, do func(http.ResponseWriter, *http.Request, *visit) error) http.Handler {
	return h.handle(func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		operators := environments.FromContext(ctx)
		account, err := h.account(r, operators)
		if err != nil {
			return err
		}
		if account == nil {
			return h.signIn(w, r, operators)
		}
		b := &account.BrowserSession
		v := &visit{browser: b.ID, now: h.Now().UTC()}
		if v.operator, err = h.Operators.Get(ctx, b.User); errors.Is(err, admin.ErrNotOperator) {
			return fault.Forbiddenf("%s is no operator of this installation. Ask an owner to invite you.", account.Email)
		} else if err != nil {
			return err
		}
		if slug := r.PathValue("env"); slug != "" {
			if v.env, err = h.Environments.BySlug(ctx, slug); errors.Is(err, environments.ErrNotFound) {
				return fault.NotFoundf("There is no such environment.")
			} else if err != nil {
				return err
			}
		}
		if !v.can(needs) {
			return v.refuse(needs)
		}
		if v.shell, err = h.shell(r, v); err != nil {
			return err
		}
		h.Sessions.Activity.Browser(operators.ID, b.ID, v.now)
		return do(w, actor(r, audit.Actor{Kind: audit.ActorOperator, ID: string(b.User), Name: account.Email}), v)
	})
}

// account is who is signed in as a user of the operators' environment; nil if nobody is.
func (h *Handler) account(r *http.Request, operators *environments.Environment) (*sessions.Account, error) {
	accounts, err := h.Sessions.Accounts(r.Context(), operators.ID, h.Cookies.Handle(r, operators), "")
	if err != nil {
		return nil, err
	}
	for i := range accounts {
		if accounts[i].Alive(operators, h.Now()) {
			return &accounts[i], nil
		}
	}
	return nil, nil
}

// signIn sends the browser to the operators' sign-in, from where it comes back to the page. What a form said is lost, so
// that leads to where the form was.
func (h *Handler) signIn(w http.ResponseWriter, r *http.Request, operators *environments.Environment) error {
	back := url.URL{Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	if r.Method != http.MethodGet {
		back = url.URL{Path: "/admin"}
		if from, err := url.Parse(r.Referer()); err == nil && from.Path != "" {
			back = url.URL{Path: from.Path, RawQuery: from.RawQuery}
		}
	}
	return to(w, r, operators.PathPrefix()+"/sign-in?"+url.Values{"return_to": {back.String()}}.Encode())
}

// actor is the person at the browser, for the events that she causes.
func actor(r *http.Request, a audit.Actor) *http.Request {
	a.Address, _, _ = net.SplitHostPort(r.RemoteAddr)
	a.UserAgent = r.UserAgent()
	return r.WithContext(audit.WithActor(r.Context(), a))
}

// can reports whether the operator has the permission. What belongs to the operators' environment is for who may read, and
// who may write, operators.
func (v *visit) can(p admin.Permission) bool { return admin.Can(v.operator.Role, v.permission(p)) }

func (v *visit) permission(p admin.Permission) admin.Permission {
	if v.env == nil || v.env.Slug != environments.OperatorsSlug {
		return p
	}
	if admin.Can(admin.Viewer, p) {
		return admin.ReadOperators
	}
	return admin.WriteOperators
}

func (v *visit) refuse(p admin.Permission) error {
	return &refusal{admin.Needs(v.permission(p))}
}

// denied is why the operator can't do what she sees; zero if she can.
func (v *visit) denied(p admin.Permission) templates.Message {
	if v.can(p) {
		return templates.Message{}
	}
	return templates.NeedsRole(string(admin.Needs(v.permission(p))))
}

// in is the shell of a page of the section.
func (v *visit) in(section templates.Section) templates.Dashboard {
	shell := v.shell
	shell.Section = section
	return shell
}

// at is the address of a page of the visit's environment.
func (v *visit) at(path string, more ...string) string { return v.shell.At(path, more...) }

// menuItem is an item of a menu with what it takes to see it.
type menuItem struct {
	section templates.Section
	needs   admin.Permission
}

// The items of an environment's menu and of the installation's.
var (
	menu = []menuItem{
		{templates.SectionApplications, admin.ReadApplications},
		{templates.SectionUsers, admin.ReadUsers},
		{templates.SectionOrganizations, admin.ReadOrganizations},
		{templates.SectionEvents, admin.ReadEvents},
		{templates.SectionKeys, admin.ReadKeys},
		{templates.SectionSettings, admin.ReadSettings},
	}
	installationMenu = []menuItem{
		{templates.SectionEnvironments, admin.ReadEnvironments},
		{templates.SectionOperators, admin.ReadOperators},
	}
)

// shell is what surrounds the page.
func (h *Handler) shell(r *http.Request, v *visit) (templates.Dashboard, error) {
	s := templates.Dashboard{
		Chrome: h.chrome(r), Operator: templates.Person{Name: v.operator.Name, Email: v.operator.Email}, Role: string(v.operator.Role),
		SignOut: environments.FromContext(r.Context()).PathPrefix() + "/sign-out",
	}
	all, err := h.Environments.All(r.Context())
	if err != nil {
		return s, err
	}
	through := *v
	for _, env := range all {
		if env.Slug == environments.OperatorsSlug && !v.can(admin.ReadOperators) {
			continue
		}
		s.Tenants = append(s.Tenants, tenant(env))
		if through.env == nil {
			through.env = env // the menu of an installation's page leads through the first
		}
	}
	s.Tenant = tenant(through.env)
	if v.env != nil {
		s.Chrome.Environment = v.env.Name
	}
	for _, item := range menu {
		if through.can(item.needs) {
			s.Menu = append(s.Menu, item.section)
		}
	}
	for _, item := range installationMenu {
		if v.can(item.needs) {
			s.Installed = append(s.Installed, item.section)
		}
	}
	return s, nil
}

func tenant(env *environments.Environment) templates.Tenant {
	return templates.Tenant{Slug: env.Slug, Name: env.Name, Production: env.Kind == environments.Production}
}
