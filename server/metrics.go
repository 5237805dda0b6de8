package server

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
)

// metrics are what /metrics shows, on a listener of its own. A nil *metrics measures nothing.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "portico_request_duration_seconds", Help: "Time to answer a request, by path of the endpoint and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}, []string{"endpoint", "status"}),
	}
	m.registry.MustRegister(m.requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) observe(endpoint string, status int, took time.Duration) {
	if m != nil {
		m.requests.WithLabelValues(endpoint, strconv.Itoa(status)).Observe(took.Seconds())
	}
}

// endpoints are what requests are counted by: a path that isn't below one of them is "other", so that nobody fills the
// metrics with paths of her own.
var endpoints = []string{
	"/oauth2/token", "/oauth2/introspect", "/oauth2/revoke", "/oauth2/authorize", "/oauth2/logout", "/userinfo", "/.well-known", "/api",
	"/sign-in", "/sign-up", "/sign-out", "/verify-email", "/password-reset", "/consent", "/account", "/admin", "/setup", "/static", "/healthz", "/readyz",
}

// endpoint is the endpoint of a path, whatever its environment.
func endpoint(path string) string {
	if rest, ok := strings.CutPrefix(path, "/env/"); ok {
		if slash := strings.IndexByte(rest, '/'); slash >= 0 {
			path = rest[slash:]
		}
	}
	for _, e := range endpoints {
		if rest, ok := strings.CutPrefix(path, e); ok && (rest == "" || rest[0] == '/') {
			return e
		}
	}
	return "other"
}

func (s *Server) listenMetrics(ctx context.Context, group *errgroup.Group) error {
	if s.metrics == nil {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	return s.listen(ctx, group, "metrics.listen", s.Config.Metrics.Listen, mux)
}
