package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/fault"
)

// Query asks for users of an environment, the latest made first.
type Query struct {
	Text   string // beginnings of words of the name or the address, all of which must fit, or an ID; "" fits all
	Status Status // "" fits all

	// A page begins after the user Older, or ends before the user Newer; with neither it is the first.
	Older, Newer ID
	Limit        int
}

const (
	maxQueryWords = 5
	maxQuery      = 200 // characters
)

// Search returns a page of the users that the query asks for, and whether there are more in the direction of the page.
// Error: fault.Invalid for a text that is too long or no text.
func (r *Registry) Search(ctx context.Context, env environments.ID, q Query) (page []*User, more bool, err error) {
	if n := utf8.RuneCountInString(q.Text); n > maxQuery || len(q.Words()) > maxQueryWords || !utf8.ValidString(q.Text) || strings.ContainsFunc(q.Text, unseen) {
		return nil, false, fault.Invalidf("search", "Search for up to %d words.", maxQueryWords)
	}
	if page, more, err = r.Store.Users(ctx, env, q); err != nil {
		return nil, false, fmt.Errorf("search users of %s: %w", env, err)
	}
	return page, more, nil
}

// Words are what the user must have words that begin with.
func (q *Query) Words() []string { return strings.Fields(foldWord(q.Text)) }

// Words are what the user is found by, in lower case: the words of her names, her address and its domain.
func (u *User) Words() []string {
	p := &u.Profile
	var words []string
	for _, name := range []string{p.Name, p.GivenName, p.FamilyName, p.MiddleName, p.Nickname, p.PreferredUsername} {
		words = append(words, strings.Fields(foldWord(name))...)
	}
	address := foldWord(u.Email)
	_, domain, _ := strings.Cut(address, "@")
	words = append(words, address, domain)
	slices.Sort(words)
	return slices.Compact(words)
}

// foldWord makes texts equal that people take for the same.
func foldWord(s string) string { return strings.ToLower(norm.NFKC.String(s)) }
