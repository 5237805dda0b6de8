package dashboard

import (
	"strings"

	"github.com/portico-id/portico/fault"
	"github.com/portico-id/portico/templates"
)

// fields are those of the forms, by what the domain calls them, where that isn't the same with dashes.
var fields = map[string]string{"email": "username", "redirect_uris": "redirect-uri"}

// problems makes of what the domain refused the problems that a form is shown again with. What names no field, or one of a
// list, belongs to the given one. Errors that aren't the operator's to mend are returned.
func problems(err error, field string) (all []templates.FieldError, other error) {
	for _, f := range fault.All(err) {
		switch f.Kind {
		case fault.Invalid, fault.Conflict:
		default:
			return nil, err
		}
		name, _, _ := strings.Cut(f.Field, "/")
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
