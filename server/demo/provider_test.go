package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// fakeProvider is somebody else's OpenID Provider. It signs everybody in as Ada at once, and checks
// what a provider checks of a confidential client. Fields before mu may be set between requests.
type fakeProvider struct {
	URL       string
	Secrets   map[string]string     // by client ID
	AuthTime  time.Time             // of Ada's one browser session
	Answer    func(url.Values)      // changes the authorization response
	Claims    func(map[string]any)  // changes the claims of the next ID tokens
	UserInfo  map[string]any        // nil refuses
	Ended     string                // error_description of every further refresh; empty: alive
	EndedFor  string                // whose refreshes Ended is for; empty: everybody's
	Ahead     time.Duration         // of its clock
	Life      time.Duration         // of a session from now on, as introspection says
	LastQuery map[string]url.Values // by path
	signer    jose.Signer
	keys      jose.JSONWebKeySet

	mu       sync.Mutex
	requests map[string]url.Values // authorization requests by code
	refresh  map[string]string     // client IDs by refresh token
}

func newFakeProvider(t *testing.T) *fakeProvider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private := jose.JSONWebKey{Key: key, KeyID: "one", Algorithm: "ES256", Use: "sig"}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: private}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &fakeProvider{
		Secrets:   map[string]string{},
		Life:      3 * 24 * time.Hour,
		AuthTime:  time.Now().Add(-3 * time.Minute),
		UserInfo:  map[string]any{"sub": "usr_ada", "name": "Ada Lovelace", "email": "ada@example.com", "email_verified": true},
		LastQuery: map[string]url.Values{},
		signer:    signer, keys: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{private.Public()}},
		requests: map[string]url.Values{}, refresh: map[string]string{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
			"userinfo_endpoint": p.URL + "/userinfo", "jwks_uri": p.URL + "/jwks", "end_session_endpoint": p.URL + "/logout", "introspection_endpoint": p.URL + "/introspect",
			"id_token_signing_alg_values_supported": []string{"ES256"}, "authorization_response_iss_parameter_supported": true,
		})
	})
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, r *http.Request) { reply(w, 200, p.keys) })
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("POST /introspect", func(w http.ResponseWriter, r *http.Request) {
		client, _, _ := r.BasicAuth()
		reply(w, 200, map[string]any{"active": p.refresh[r.FormValue("token")] == client, "exp": p.now().Add(p.Life).Unix()})
	})
	mux.HandleFunc("POST /dev/clock", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Seconds int `json:"advance_seconds"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			reply(w, 400, nil)
			return
		}
		p.Ahead += time.Duration(in.Seconds) * time.Second
		reply(w, 200, nil)
	})
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, r *http.Request) {
		if p.UserInfo == nil {
			reply(w, 401, map[string]any{"error": "invalid_token"})
			return
		}
		reply(w, 200, p.UserInfo)
	})
	mux.HandleFunc("GET /logout", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		http.Redirect(w, r, q.Get("post_logout_redirect_uri")+"?state="+url.QueryEscape(q.Get("state")), http.StatusSeeOther)
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.LastQuery[r.URL.Path] = r.URL.Query()
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

func (p *fakeProvider) now() time.Time { return time.Now().Add(p.Ahead) }

func (p *fakeProvider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	code := rand.Text() + rand.Text()
	p.requests[code] = q
	answer := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.URL}}
	if p.Answer != nil {
		p.Answer(answer)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+answer.Encode(), http.StatusSeeOther)
}

func (p *fakeProvider) token(w http.ResponseWriter, r *http.Request) {
	client, secret, _ := r.BasicAuth()
	secret, err := url.QueryUnescape(secret) // RFC 6749 §2.3.1
	if err != nil || p.Secrets[client] == "" || p.Secrets[client] != secret {
		reply(w, 401, map[string]any{"error": "invalid_client", "error_description": "The client secret is wrong."})
		return
	}
	var nonce string
	switch r.FormValue("grant_type") {
	case "authorization_code":
		q := p.requests[r.FormValue("code")]
		delete(p.requests, r.FormValue("code"))
		challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if q.Get("client_id") != client || q.Get("redirect_uri") != r.FormValue("redirect_uri") ||
			q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:]) {
			reply(w, 400, map[string]any{"error": "invalid_grant", "error_description": "The code does not fit."})
			return
		}
		nonce = q.Get("nonce")
	case "refresh_token":
		if p.refresh[r.FormValue("refresh_token")] != client || p.Ended != "" && (p.EndedFor == "" || p.EndedFor == client) {
			reply(w, 400, map[string]any{"error": "invalid_grant", "error_description": p.Ended})
			return
		}
		delete(p.refresh, r.FormValue("refresh_token"))
	}
	access, refresh := rand.Text()+rand.Text(), rand.Text()+rand.Text()
	p.refresh[refresh] = client
	hash := sha256.Sum256([]byte(access))
	claims := map[string]any{
		"sid": "ses_" + client, "auth_time": p.AuthTime.Unix(), "amr": []string{"pwd"}, "acr": "1",
		"at_hash": base64.RawURLEncoding.EncodeToString(hash[:16]),
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	reply(w, 200, map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": 300, "refresh_token": refresh,
		"scope": "openid profile email offline_access", "id_token": p.sign(client, claims),
	})
}

// sign returns a JWT for the client with the usual claims and these.
func (p *fakeProvider) sign(client string, more map[string]any) string {
	now := p.now()
	claims := map[string]any{
		"iss": p.URL, "sub": "usr_ada", "aud": client, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(claims, more)
	if p.Claims != nil {
		p.Claims(claims)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	signed, err := p.signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		panic(fmt.Sprint("serialize: ", err))
	}
	return compact
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
