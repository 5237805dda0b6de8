// Package organizations keeps organizations, who belongs to them, and the roles that members have there. All applications of
// an environment share them.
package organizations

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

// ID identifies an organization: org_…. It is the org_id of tokens.
type ID string

// Organization is a company, a team or a customer whose members use the applications of an environment in its name.
type Organization struct {
	ID          ID
	Environment environments.ID
	Name        string
	Slug        string // lower case letters, digits and dashes, unique in the environment; "" for none
	Metadata    map[string]string
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Settings are what people set of an organization, as JSON: that of the management API and of the record of events. The doc
// tags are for the reference of the API.
type Settings struct {
	Name     string            `json:"name" minLength:"1" maxLength:"100" doc:"What people call it, in 1 to 100 characters."`
	Slug     string            `json:"slug" pattern:"^([a-z][a-z0-9-]{0,38}[a-z0-9])?$" doc:"A name for addresses, unique in the environment: 2 to 40 lower case letters, digits or dashes, beginning with a letter. Empty for none."`
	Metadata map[string]string `json:"metadata" doc:"For your own use: up to 50 keys of 64 characters with values of 500."`
}

// Settings returns what people set of the organization.
func (o *Organization) Settings() Settings {
	metadata := o.Metadata
	if metadata == nil {
		metadata = map[string]string{}
	}
	return Settings{Name: o.Name, Slug: o.Slug, Metadata: metadata}
}

// Apply sets all of it.
func (s *Settings) Apply(o *Organization) { o.Name, o.Slug, o.Metadata = s.Name, s.Slug, s.Metadata }

const (
	maxName        = 100
	maxDescription = 500
	maxMetadata    = 50
)

var slugForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,38}[a-z0-9]$`)

// validate tells all that is wrong with what people set.
func (o *Organization) validate() error {
	mistakes := []error{checkText("name", o.Name, 1, maxName)}
	if o.Slug != "" && !slugForm.MatchString(o.Slug) {
		mistakes = append(mistakes, fault.Invalidf("slug", "slug %+q must be 2 to 40 lower case letters, digits or dashes, beginning with a letter", o.Slug))
	}
	if len(o.Metadata) > maxMetadata {
		mistakes = append(mistakes, fault.Invalidf("metadata", "metadata has %d keys: %d is the most", len(o.Metadata), maxMetadata))
		return errors.Join(mistakes...)
	}
	for _, key := range slices.Sorted(maps.Keys(o.Metadata)) {
		if checkText("", key, 1, 64) != nil {
			mistakes = append(mistakes, fault.Invalidf("metadata", "metadata has the key %+q: a key has 1 to 64 readable characters", key))
			continue
		}
		mistakes = append(mistakes, checkText("metadata/"+key, o.Metadata[key], 0, 500))
	}
	return errors.Join(mistakes...)
}

// checkText refuses a text that is too short or too long, or in which something can't be seen.
func checkText(field, text string, least, most int) error {
	name := field[strings.LastIndexByte(field, '/')+1:]
	switch n := utf8.RuneCountInString(text); {
	case !utf8.ValidString(text):
		return fault.Invalidf(field, "%s isn't UTF-8", name)
	case n < least || n > most:
		return fault.Invalidf(field, "%s has %d characters: %d to %d are allowed", name, n, least, most)
	case strings.TrimSpace(text) != text:
		return fault.Invalidf(field, "%s begins or ends with a space: remove it", name)
	case strings.ContainsFunc(text, func(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) }):
		return fault.Invalidf(field, "%s %s has a control character: remove it", name, fmt.Sprintf("%+q", text))
	}
	return nil
}
