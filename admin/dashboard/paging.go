package dashboard

import (
	"net/http"
	"net/url"

	"github.com/portico-id/portico/templates"
)

// pageSize is the number of rows of a list.
const pageSize = 20

// cursor is where the page of a list begins or ends: the query's older or newer.
type cursor struct{ older, newer string }

func cursorOf(r *http.Request) cursor {
	q := r.URL.Query()
	return cursor{q.Get("older"), q.Get("newer")}
}

// pager links the pages beside one with the given first and last row. more says that there are further rows in the direction
// of the cursor.
func (c cursor) pager(r *http.Request, first, last string, more bool) (p templates.Pager) {
	if first == "" {
		return p
	}
	link := func(direction, row string) string {
		q := url.Values{}
		for name, values := range r.URL.Query() {
			if name != "older" && name != "newer" && name != "notice" && values[0] != "" {
				q[name] = values
			}
		}
		q.Set(direction, row)
		return r.URL.Path + "?" + q.Encode()
	}
	if c.newer != "" || more {
		p.Older = link("older", last)
	}
	if c.older != "" || c.newer != "" && more {
		p.Newer = link("newer", first)
	}
	return p
}
