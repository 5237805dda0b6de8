package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestConn compares what the generator's own HTTP reads with what a Go server writes.
func TestConn(t *testing.T) {
	long := strings.Repeat("x", 10_000) // net/http sends it in chunks
	mux := http.NewServeMux()
	mux.HandleFunc("GET /text", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Header.Get("Authorization"))) })
	mux.HandleFunc("GET /long", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(long)) })
	mux.HandleFunc("POST /form", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"refresh_token":"` + r.PostFormValue("token") + `"}`))
	})
	mux.HandleFunc("GET /away", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "https://web.example/callback?code=1")
		w.WriteHeader(http.StatusSeeOther)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	host := server.Listener.Addr().String()
	c, err := dial(host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, test := range []struct {
		name     string
		request  []byte
		status   int
		location string
		body     string
	}{
		{"a header", request("GET", host, "/text", nil, "Authorization", "Bearer t"), 200, "", "Bearer t"},
		{"chunks", request("GET", host, "/long", nil), 200, "", long},
		{"nothing, after chunks", request("GET", host, "/text", nil), 200, "", ""},
		{"a form", request("POST", host, "/form", url.Values{"token": {"a b"}}), 200, "", `{"refresh_token":"a b"}`},
		{"a redirect", request("GET", host, "/away", nil), 303, "https://web.example/callback?code=1", ""},
		{"an error", request("GET", host, "/nowhere", nil), 404, "", "404 page not found\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, err := c.do(test.request, test.status)
			if err != nil {
				t.Fatal(err)
			}
			if a.location != test.location {
				t.Errorf("Location is %q, want %q", a.location, test.location)
			}
			if got := string(a.body); got != test.body {
				t.Errorf("the body is %.40q, want %.40q", got, test.body)
			}
		})
	}
	if _, err := c.do(request("GET", host, "/nowhere", nil), 200); err == nil {
		t.Error("a wrong status is no error")
	}
}

func TestMember(t *testing.T) {
	a := answer{body: []byte(`{"access_token":"pt_at_1","expires_in":300,"refresh_token":"pt_rt_2"}`)}
	for name, want := range map[string]string{"access_token": "pt_at_1", "refresh_token": "pt_rt_2", "id_token": ""} {
		if got, err := a.member(name); got != want || (err == nil) != (want != "") {
			t.Errorf("member(%q) = %q, %v, want %q", name, got, err, want)
		}
	}
}
