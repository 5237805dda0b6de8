package server

import (
	"errors"
	"net/http"
	"strings"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/static"
	"github.com/portico-id/portico/templates"
)

// routes puts the edges behind their walls. At the root are the dashboard, health, static files and, in local mode, the
// mailbox and the clock; everything else belongs to an environment.
func (s *Server) routes() http.Handler {
	protocol, pages, api := http.NewServeMux(), http.NewServeMux(), http.NewServeMux()
	s.provider.Mount(protocol, pages)
	s.login.Mount(pages)
	s.api.Mount(api, pages)
	pages.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.notFound(w, r) })
	issuers := &issuers{
		s: s, protocol: protocol, walledProtocol: s.protocolWall(protocol), pages: pages, walledPages: s.pagesWall(pages), walledAPI: apiWall(api),
	}

	root := http.NewServeMux()
	root.HandleFunc("GET /healthz", s.healthz)
	root.HandleFunc("GET /readyz", s.readyz)
	root.Handle("GET /static/", static.Handler())
	operators := http.NewServeMux()
	s.dashboard.Mount(operators)
	root.Handle("/setup", s.inOperators(s.pagesWall(operators)))
	root.Handle("/admin", s.inOperators(s.pagesWall(operators)))
	root.Handle("/admin/", s.inOperators(s.pagesWall(operators)))
	if s.Config.Local() {
		root.Handle("/dev/mailbox", s.inOperators(s.pagesWall(operators)))
		root.Handle("/dev/mailbox/", s.inOperators(s.pagesWall(operators)))
		root.Handle("POST /dev/clock", http.NewCrossOriginProtection().Handler(s.json(s.devClock)))
	}
	root.Handle("/", issuers)
	return s.outermost(root)
}

// issuers finds the environment of a request and hands the request to its protocol endpoints, its pages or its management
// API, with the path below the issuer.
type issuers struct {
	s                                      *Server
	protocol, pages                        *http.ServeMux
	walledProtocol, walledPages, walledAPI http.Handler
}

func (i *issuers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	env, path, err := i.s.Environments.Resolve(r.Context(), r.Host, inserted(r.URL.Path))
	if errors.Is(err, environments.ErrNotFound) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		i.s.Log.ErrorContext(r.Context(), "no environments", "err", err)
		http.Error(w, "The service is not ready. Try again.", http.StatusServiceUnavailable)
		return
	}
	r = r.WithContext(environments.NewContext(r.Context(), env))
	if path != r.URL.Path {
		below := *r.URL
		below.Path, below.RawPath = path, ""
		r.URL = &below
	}
	switch {
	case strings.HasPrefix(path, "/api/v1/"):
		i.walledAPI.ServeHTTP(w, r)
	case i.isProtocol(r):
		i.walledProtocol.ServeHTTP(w, r)
	default:
		i.walledPages.ServeHTTP(w, r)
	}
}

// isProtocol reports whether the path is one of the protocol's, whatever the method.
func (i *issuers) isProtocol(r *http.Request) bool {
	for _, method := range []string{r.Method, http.MethodPost, http.MethodGet} {
		probe := *r
		probe.Method = method
		if _, pattern := i.protocol.Handler(&probe); pattern != "" {
			return true
		}
	}
	return false
}

// inserted moves a well-known path that was put between host and path of an issuer (RFC 8414 §3.1) to its end.
func inserted(path string) string {
	for _, known := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
		if issuer, ok := strings.CutPrefix(path, known); ok && strings.HasPrefix(issuer, "/env/") {
			return strings.TrimSuffix(issuer, "/") + known
		}
	}
	return path
}

// inOperators puts the environment of the operators into the context: the dashboard's sign-in is theirs.
func (s *Server) inOperators(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env, err := s.Environments.BySlug(r.Context(), environments.OperatorsSlug)
		if err != nil {
			s.Log.ErrorContext(r.Context(), "no environment for operators", "err", err)
			http.Error(w, "The service is not ready. Try again.", http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r.WithContext(environments.NewContext(r.Context(), env)))
	})
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	if err := templates.Render(w, http.StatusNotFound, templates.NotFound(s.login.Chrome(r, nil))); err != nil {
		s.Log.ErrorContext(r.Context(), "page not rendered", "err", err)
	}
}
