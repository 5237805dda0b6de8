package provider

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ory/fosite"
)

const formEncoded = "application/x-www-form-urlencoded"

// readForm reads the body of a request of an application. Parameters are in the body alone, each once (RFC 6749 §3.2),
// but for those that may be repeated (RFC 8707). The server has limited the body's size.
func readForm(r *http.Request) (url.Values, error) {
	if header := r.Header.Get("Content-Type"); header != formEncoded {
		mediaType, _, err := mime.ParseMediaType(header)
		if err != nil || mediaType != formEncoded {
			return nil, fosite.ErrInvalidRequest.WithHintf("The body must be %s.", formEncoded)
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, fosite.ErrInvalidRequest.WithHintf("The body is larger than %d bytes.", tooLarge.Limit)
		}
		return nil, fosite.ErrInvalidRequest.WithHint("The body could not be read.")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fosite.ErrInvalidRequest.WithHint("The body is not properly form-encoded.")
	}
	if err := once(form); err != nil {
		return nil, err
	}
	r.Form, r.PostForm = form, form // for fosite, which would read the request again
	return form, nil
}

// repeatable are the parameters that a request may have several times.
var repeatable = map[string]bool{"resource": true, "audience": true}

// audiences are the resource servers that a request names, by resource (RFC 8707 §2) or by audience, each once.
func audiences(form url.Values) []string {
	var named []string
	for _, value := range slices.Concat(form["resource"], form["audience"]) {
		for _, audience := range strings.Fields(value) {
			if !slices.Contains(named, audience) {
				named = append(named, audience)
			}
		}
	}
	return named
}

// once refuses a parameter that occurs twice (RFC 6749 §3.1).
func once(form url.Values) error {
	for key, values := range form {
		if len(values) > 1 && !repeatable[key] {
			return fosite.ErrInvalidRequest.WithHintf("The parameter %q is included more than once.", key)
		}
	}
	return nil
}
