package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/fault"
)

const idempotencyKey = "Idempotency-Key"

func idempotencyParameter() *huma.Param {
	most := 255
	return &huma.Param{
		Name: idempotencyKey, In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &most},
		Description: "Anything that is new for each thing to be done, such as a UUID. The same request with the same key within 24 hours is done once, " +
			"and gets the same answer; another request with the key is refused (422).",
	}
}

// once does a request that has an idempotency key, unless it was done before: it then gives the same answer. What failed is
// not remembered, as it has changed nothing.
func (a *API) once(w http.ResponseWriter, r *http.Request) {
	t, err := a.attempt(r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	answer, done, err := a.Answers.Begin(r.Context(), t)
	if errors.Is(err, admin.ErrOtherRequest) {
		err = &failure{kind: kindOtherAnswer, detail: "This Idempotency-Key was sent with another request in the last 24 hours: use a new one."}
	}
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	if done {
		w.Header().Set("Idempotency-Replayed", "true")
		give(w, answer)
		return
	}
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	a.mux.ServeHTTP(rec, r)
	answer = admin.Answer{Status: rec.status, Headers: rec.header, Body: rec.body.Bytes()}
	ctx := context.WithoutCancel(r.Context()) // it was done, whether or not the caller is still there
	if answer.Status/100 == 2 {
		err = a.Answers.Keep(ctx, t, answer)
	} else {
		err = a.Answers.Forget(ctx, t)
	}
	if err != nil {
		a.Log.WarnContext(ctx, "a repetition of the request will be refused", "err", err)
	}
	give(w, answer)
}

func (a *API) attempt(r *http.Request) (admin.Attempt, error) {
	key := r.Header.Get(idempotencyKey)
	if len(key) > 255 || strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) {
		return admin.Attempt{}, fault.Invalidf(idempotencyKey, "%s must have up to 255 printable ASCII characters", idempotencyKey)
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return admin.Attempt{}, err
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	return admin.Attempt{
		APIKey: caller(r.Context()), Presented: presented(r), Key: key,
		Request: sha256.Sum256(append([]byte(r.Method+" "+r.URL.RequestURI()+"\n"), text...)),
	}, nil
}

func give(w http.ResponseWriter, answer admin.Answer) {
	for name, values := range answer.Headers {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.Body) // the caller may have gone
}

// recorder takes an answer.
type recorder struct {
	header http.Header
	status int
	wrote  bool
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if !w.wrote {
		w.status, w.wrote = status, true
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.wrote = true
	return w.body.Write(b)
}
