package dashboard

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/templates"
)

// fields are those of the forms, by what the domain calls them, where that isn't the same with dashes.
var fields = map[string]string{
	"email": "username", "redirect_uris": "redirect-uri", "post_logout_redirect_uris": "post-logout-redirect-uri", "cors_origins": "cors-origin", "identifiers": "identifier",
	"search": "q",
}

// errChanged says that a thing isn't as the form showed it.
var errChanged = errors.New("it was changed meanwhile")

// stateOf names the state of a thing that a page shows, by the time of its last change.
func stateOf(updatedAt time.Time) string { return strconv.FormatInt(updatedAt.UnixMicro(), 10) }

// seen returns errChanged unless the thing, last changed at the time, is as it was when the form in r was made.
func seen(r *http.Request, updatedAt time.Time) error {
	if r.PostForm.Get("updated-at") != stateOf(updatedAt) {
		return errChanged
	}
	return nil
}

// problems makes of what the domain refused the problems that a form is shown again with. What names no field, or one of a
// list, belongs to the given one. Errors that aren't the operator's to mend are returned.
func problems(err error, field string) (all []templates.FieldError, other error) {
	if errors.Is(err, errChanged) {
		return []templates.FieldError{{Field: field, Text: templates.TextChangedMeanwhile}}, nil
	}
	for _, f := range fault.All(err) {
		switch f.Kind {
		case fault.Invalid, fault.Conflict:
		default:
			return nil, err
		}
		name := lastName(f.Field)
		if known := fields[name]; known != "" {
			name = known
		}
		name = strings.ReplaceAll(name, "_", "-")
		if name == "" {
			name = field
		}
		all = append(all, templates.FieldError{Field: name, Text: templates.Literal(sentence(f.Message))})
	}
	return all, nil
}

// lastName is the last name in the path of a field, such as "redirect_uris" in "redirect_uris/0".
func lastName(path string) string {
	parts := strings.Split(path, "/")
	if _, err := strconv.Atoi(parts[len(parts)-1]); err == nil && len(parts) > 1 {
		parts = parts[:len(parts)-1]
	}
	return parts[len(parts)-1]
}

// sentence makes one of a message that a log would have.
func sentence(text string) string {
	if text == "" {
		return text
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}
