package api_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/server/servertest"
)

func count(t *testing.T, c *client) int {
	t.Helper()
	return len(c.want(t, 200, "GET /applications?limit=100", "").field("data").([]any))
}

func TestIdempotency(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c, other := connect(t, i), connect(t, i)
		const header, body = "Idempotency-Key: 7f3c", `{"kind":"web","name":"Once"}`
		before := count(t, c)
		first := c.want(t, 201, "POST /applications", body, header)
		again := c.want(t, 201, "POST /applications", body, header)
		if again.text != first.text || again.header.Get("Location") != first.header.Get("Location") || again.header.Get("ETag") != first.header.Get("ETag") ||
			again.header.Get("Idempotency-Replayed") != "true" || first.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("the second time is %v %s\nafter %v %s", again.header, again.text, first.header, first.text)
		}
		if n := count(t, c); n != before+1 {
			t.Errorf("%d applications were made, want 1", n-before)
		}
		for _, mismatch := range []struct{ at, body string }{
			{"POST /applications", `{"kind":"web","name":"Twice"}`},
			{"POST /applications/" + first.str("id") + "/secrets", ""},
		} {
			if a := c.want(t, 422, mismatch.at, mismatch.body, header); a.str("type") != "urn:portico:problem:idempotency_mismatch" {
				t.Errorf("%s = %s", mismatch.at, a.text)
			}
		}
		// the keys of another API key are its own, and so are those of another day
		c2 := other.want(t, 201, "POST /applications", body, header)
		if c2.str("id") == first.str("id") {
			t.Error("another API key got the answer")
		}
		i.Clock.Set(admin.AnswerLifetime)
		if a := c.want(t, 201, "POST /applications", body, header); a.str("id") == first.str("id") {
			t.Error("the answer was remembered for too long")
		}
	})
}

// What failed has changed nothing, so it may be tried again.
func TestIdempotencyForgetsFailures(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		const header = "Idempotency-Key: a"
		c.want(t, 400, "POST /applications", `{"kind":"web","name":""}`, header)
		c.want(t, 201, "POST /applications", `{"kind":"web","name":"A"}`, header)
		c.want(t, 400, "POST /applications", `{"kind":"web","name":"A"}`, "Idempotency-Key: "+strings.Repeat("x", 256))
	})
}

func TestIdempotencyAtOnce(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		c := connect(t, i)
		before := count(t, c)
		var wg sync.WaitGroup
		made := make(chan string, 20)
		for range 20 {
			wg.Go(func() {
				a := c.call(t, "POST /applications", `{"kind":"web","name":"Once"}`, "Idempotency-Key: once")
				switch {
				case a.status == 201:
					made <- a.str("id")
				case a.status != 409 || a.header.Get("Retry-After") != "1":
					t.Errorf("POST = %d %v %s", a.status, a.header, a.text)
				}
			})
		}
		wg.Wait()
		close(made)
		ids := map[string]bool{}
		for id := range made {
			ids[id] = true
		}
		if n := count(t, c); n != before+1 || len(ids) != 1 {
			t.Errorf("%d applications were made, and %d told, want 1", n-before, len(ids))
		}
	})
}

// A request that was interrupted may or may not have been done: it is neither done again nor forgotten.
func TestIdempotencyInterrupted(t *testing.T) {
	i := servertest.Start(t, servertest.Options{})
	c := connect(t, i)
	key, err := i.APIKeys.Authenticate(t.Context(), i.Environment.ID, c.key, "")
	check(t, err)
	answers := &admin.Answers{Store: i.Answers.Store, Now: i.Clock.Now}
	attempt := admin.Attempt{APIKey: key, Presented: c.key, Key: "lost", Request: [32]byte{1}}
	if _, done, err := answers.Begin(t.Context(), attempt); done || err != nil {
		t.Fatalf("Begin = %v, %v", done, err)
	}
	for _, test := range []struct {
		after time.Duration
		want  error
	}{{0, admin.ErrWorking}, {time.Minute, admin.ErrAnswerLost}} {
		i.Clock.Set(test.after)
		if _, _, err := answers.Begin(t.Context(), attempt); err != test.want {
			t.Errorf("after %s Begin = %v, want %v", test.after, err, test.want)
		}
	}
	// a reader of the database learns nothing of an answer
	check(t, answers.Keep(t.Context(), attempt, admin.Answer{Status: 201, Body: []byte("ps_secret")}))
	if answer, done, err := answers.Begin(t.Context(), attempt); err != nil || !done || string(answer.Body) != "ps_secret" {
		t.Errorf("Begin = %+v, %v, %v", answer, done, err)
	}
	attempt.Presented = connect(t, i).key
	if _, _, err := answers.Begin(t.Context(), attempt); err == nil {
		t.Error("another key opens the answer")
	}
}
