package server

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/templates"
)

// maxUserAgent is the most bytes of a User-Agent that anybody sees.
const maxUserAgent = 256

// outermost is what every request goes through: an ID, the client's real address, a limit on its body, a line in the log,
// and an answer even where the program has a mistake.
func (s *Server) outermost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.Clock.Now()
		id := newReference()
		r = r.WithContext(audit.WithRequestID(r.Context(), id))
		r.RemoteAddr = s.clientAddress(r)
		if agent := r.UserAgent(); len(agent) > maxUserAgent || !utf8.ValidString(agent) { // it is kept, and shown to people
			r.Header.Set("User-Agent", strings.ToValidUTF8(agent[:min(len(agent), maxUserAgent)], ""))
		}
		if r.Body != nil {
			r.Body = http.MaxBytesReader(w, r.Body, s.Config.Limits.BodyBytes)
		}
		h := w.Header()
		h.Set("X-Request-Id", id)
		h.Set("X-Content-Type-Options", "nosniff")
		if s.publicURL.Scheme == "https" {
			h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
		}
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			if cause := recover(); cause != nil {
				if cause == http.ErrAbortHandler {
					panic(cause)
				}
				s.Log.ErrorContext(r.Context(), "panic", "request_id", id, "cause", cause, "stack", string(debug.Stack()))
				if !rec.wrote {
					http.Error(rec, "Something went wrong on our side. Try again. Reference "+id, http.StatusInternalServerError)
				}
			}
			took := s.Clock.Now().Sub(start)
			s.metrics.observe(endpoint(r.URL.Path), rec.status, took)
			s.Log.LogAttrs(r.Context(), s.level(rec.status), "request", slog.String("request_id", id), slog.String("method", r.Method),
				slog.String("path", r.URL.Path), slog.Int("status", rec.status), slog.Float64("duration_ms", float64(took.Microseconds())/1000))
		}()
		next.ServeHTTP(rec, r)
	})
}

// level is that of a request's line: where a person reads the log in a terminal, only what went wrong is worth one.
func (s *Server) level(status int) slog.Level {
	switch {
	case status >= 500:
		return slog.LevelError
	case s.Config.Log.Format == "json":
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// newReference makes the ID of a request, short enough to be read out: "7f3c91ab-04de".
func newReference() string {
	var b [6]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:4]) + "-" + hex.EncodeToString(b[4:])
}

// recorder remembers the status for the log.
type recorder struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (w *recorder) WriteHeader(status int) {
	if !w.wrote {
		w.status, w.wrote = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// clientAddress is the address of the client: that of the connection, unless a trusted proxy says otherwise. Of a list
// the last address that no trusted proxy has is the client's, as everything before it may be invented.
func (s *Server) clientAddress(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !s.trusted(peer.Addr()) {
		return r.RemoteAddr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		addr, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		if !s.trusted(addr) {
			return net.JoinHostPort(addr.Unmap().String(), "0")
		}
	}
	return r.RemoteAddr
}

func (s *Server) trusted(addr netip.Addr) bool {
	for _, prefix := range s.Config.Proxy.Trusted {
		if prefix.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}

// protocolWall is for endpoints that applications call: no cookies, and CORS where the specifications expect browsers.
func (s *Server) protocolWall(next http.Handler) http.Handler {
	next = readable(next, http.HandlerFunc(unreadable))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); origin != "" && !s.allowOrigin(w, r, origin) && r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// unreadable refuses a request of an application that isn't text (RFC 6749 §5.2).
func unreadable(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, `{"error":"invalid_request","error_description":"A parameter is not UTF-8, or has a NUL in it."}`+"\n")
}

// allowOrigin reports whether pages of the origin may call: for metadata all, for the other endpoints those of the environment's
// applications. Whether they may read the answer of those, the endpoint decides, which knows the application.
func (s *Server) allowOrigin(w http.ResponseWriter, r *http.Request, origin string) bool {
	h := w.Header()
	h.Add("Vary", "Origin")
	if strings.HasPrefix(r.URL.Path, "/.well-known/") {
		h.Set("Access-Control-Allow-Origin", "*")
		return true
	}
	switch r.URL.Path {
	case "/oauth2/token", "/oauth2/revoke", "/userinfo":
	default:
		return false
	}
	allowed, err := s.Applications.AllowsOrigin(r.Context(), environments.FromContext(r.Context()).ID, origin)
	if err != nil || !allowed {
		return false
	}
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "600")
	}
	return true
}

// apiWall is for programs with an API key: no cookie gets through, so that no browser can be made to call for a person.
func apiWall(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Cookie")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// refusal shows the error page.
func (s *Server) refusal(status int, text templates.Message) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := templates.ErrorPage{Chrome: s.login.Chrome(r, nil), Text: text, Reference: audit.RequestID(r.Context())}
		if err := templates.Render(w, status, page); err != nil {
			s.Log.ErrorContext(r.Context(), "page not rendered", "err", err)
		}
	})
}

// pagesWall is for what people's browsers open with their cookies: no other site may make them change anything. Other sites may send
// people to sign in and to sign out, though.
func (s *Server) pagesWall(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.AddInsecureBypassPattern("POST /oauth2/authorize")
	protection.AddInsecureBypassPattern("POST /oauth2/logout")
	protection.SetDenyHandler(s.refusal(http.StatusForbidden, templates.TextOtherSite))
	return protection.Handler(readable(next, s.refusal(http.StatusBadRequest, templates.TextRequestUnusable)))
}
