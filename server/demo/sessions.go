package demo

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

const (
	maxSessions = 1000 // of one application; the longest unused goes first
	maxPending  = 8    // sign-ins that one browser has begun, say in several tabs
)

// session is what an application remembers of one browser. A handler holds mu from its beginning to
// its end, calls to the provider included: two tabs must not refresh the same token at once.
type session struct {
	mu sync.Mutex

	pending []signIn
	leaving string   // state of the sign-out that the browser was sent on
	account *account // nil: signed out

	notice  notice // what the last action led to
	steps   []step
	changes []change
}

// signIn is an authorization request that waits for its answer.
type signIn struct {
	State    string
	Nonce    string
	Verifier string // PKCE
	Target   string // where to go afterwards
	Started  time.Time
	Request  step // what the browser was sent with
}

// begin remembers a sign-in, and forgets the oldest of too many.
func (s *session) begin(in signIn) {
	s.pending = append(s.pending, in)
	if len(s.pending) > maxPending {
		s.pending = s.pending[1:]
	}
}

// take returns the sign-in of the state, once.
func (s *session) take(state string) (signIn, bool) {
	for i, in := range s.pending {
		if in.State == state {
			s.pending = slices.Delete(s.pending, i, i+1)
			return in, true
		}
	}
	return signIn{}, false
}

// report replaces what the page tells of the last action.
func (s *session) report(n notice, steps ...step) {
	s.notice, s.steps, s.changes = n, steps, nil
}

// account is a person who is signed in, with what the provider said of her.
type account struct {
	Subject  string
	Token    *oauth2.Token
	Received time.Time // when Token came
	IDToken  string
	Issued   time.Time // iat of IDToken
	Expires  time.Time // exp of IDToken
	Ends     time.Time // when the session ends unless it is used, as the provider said last; zero if it didn't
	Claims   idClaims
	AllID    json.RawMessage // every claim of IDToken
	UserInfo json.RawMessage // nil if the provider did not answer
}

// accessTokenEnd is zero if the provider did not say.
func (a *account) accessTokenEnd() time.Time {
	if a.Token.ExpiresIn == 0 {
		return time.Time{}
	}
	return a.Received.Add(time.Duration(a.Token.ExpiresIn) * time.Second)
}

// person is the claims that the demo calls people by.
type person struct {
	Name      string `json:"name"`
	GivenName string `json:"given_name"`
	Nickname  string `json:"nickname"`
	Email     string `json:"email"`
}

func (a *account) person() person {
	var p person
	// Both were parsed as objects when they came; a claim of an odd type stays empty.
	_ = json.Unmarshal(a.AllID, &p)
	_ = json.Unmarshal(a.UserInfo, &p)
	return p
}

// called is how a friendly page addresses her.
func (p person) called() string {
	for _, name := range []string{p.Nickname, p.GivenName} {
		if name != "" {
			return name
		}
	}
	if first, _, _ := strings.Cut(strings.TrimSpace(p.Name), " "); first != "" {
		return first
	}
	if local, _, _ := strings.Cut(p.Email, "@"); local != "" {
		return local
	}
	return "you"
}

// full is how a list of people would name her.
func (p person) full() string {
	if p.Name != "" {
		return p.Name
	}
	if p.Email != "" {
		return p.Email
	}
	return "Somebody"
}

// sessions are those of one application, by the random value of its cookie.
type sessions struct {
	Cookie string // its name
	Secure bool
	Now    func() time.Time

	mu   sync.Mutex
	byID map[string]*entry
}

type entry struct {
	session      *session
	used         time.Time
	subject, sid string // of the account, for back-channel logout; guarded by the mutex of sessions
}

// of returns the session of the request's browser; false if it has none.
func (t *sessions) of(r *http.Request) (*session, bool) {
	cookie, err := r.Cookie(t.Cookie)
	if err != nil {
		return nil, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.byID[cookie.Value]
	if !ok {
		return nil, false
	}
	e.used = t.Now()
	return e.session, true
}

// give puts s under a new cookie and forgets the one that the browser came with: who knew a
// browser's cookie before it signed in knows nothing afterwards.
func (t *sessions) give(w http.ResponseWriter, r *http.Request, s *session) {
	id := rand.Text()
	e := &entry{session: s, used: t.Now()}
	if s.account != nil {
		e.subject, e.sid = s.account.Subject, s.account.Claims.SID
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if cookie, err := r.Cookie(t.Cookie); err == nil {
		delete(t.byID, cookie.Value)
	}
	if len(t.byID) >= maxSessions {
		t.dropOldest()
	}
	t.byID[id] = e
	http.SetCookie(w, &http.Cookie{
		Name: t.Cookie, Value: id, Path: "/", Secure: t.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// left says that nobody is signed in to the session of the request any more, so that nothing more is told of her.
func (t *sessions) left(r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if cookie, err := r.Cookie(t.Cookie); err == nil && t.byID[cookie.Value] != nil {
		t.byID[cookie.Value].subject = ""
	}
}

func (t *sessions) dropOldest() {
	var oldest string
	for id, e := range t.byID {
		if oldest == "" || e.used.Before(t.byID[oldest].used) {
			oldest = id
		}
	}
	delete(t.byID, oldest)
}

// end signs out every browser with the sid, or with the subject if sid is empty. What it leaves
// under their cookies tells why.
func (t *sessions) end(sid, subject string, n notice, steps ...step) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.byID {
		if e.subject == "" || sid != "" && e.sid != sid || subject != "" && e.subject != subject {
			continue
		}
		*e = entry{session: &session{notice: n, steps: steps}, used: e.used}
	}
}
