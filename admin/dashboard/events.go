package dashboard

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mileusna/useragent"

	"github.com/portico-id/portico/admin"
	"github.com/portico-id/portico/audit"
	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/identity"
	"github.com/portico-id/portico/templates"
)

func (h *Handler) eventRoutes() []route {
	const all = "/admin/env/{env}/events"
	return []route{
		{"GET " + all, admin.ReadEvents, h.listEvents},
		{"GET " + all + "/export", admin.ReadEvents, h.exportEvents},
		{"GET " + all + "/{event}", admin.ReadEvents, h.showEvent},
	}
}

// maxExport is the number of events that a file has at most.
const maxExport = 100_000

// listEvents serves GET /admin/env/{env}/events.
func (h *Handler) listEvents(w http.ResponseWriter, r *http.Request, v *visit) error {
	c := cursorOf(r)
	page := templates.DashboardEvents{Dashboard: v.in(templates.SectionEvents), Filter: eventFilter(r), Most: maxExport}
	q := eventsOn(c)
	wrong, err := h.filterEvents(r.Context(), v, &q, &page.Filter)
	if err != nil {
		return err
	}
	if page.Errors = wrong; len(wrong) > 0 {
		return templates.Render(w, http.StatusUnprocessableEntity, page)
	}
	var first, last string
	var more bool
	if page.Rows, first, last, more, err = h.eventRows(r.Context(), v, q); err != nil {
		return err
	}
	page.Pager = c.pager(r, first, last, more)
	f := &page.Filter
	export := func(format string) string {
		return v.at("/events/export", "format", format, "event", f.Event, "actor", f.Actor, "target", f.Target, "application", f.Application, "from", f.From, "until", f.Until)
	}
	page.CSV, page.NDJSON = export("csv"), export("ndjson")
	return templates.Render(w, http.StatusOK, page)
}

// eventRows reads a page of events, with the places of its first and its last one.
func (h *Handler) eventRows(ctx context.Context, v *visit, q audit.Query) (rows []templates.EventRow, first, last string, more bool, err error) {
	found, more, err := h.Events.Events(ctx, string(v.env.ID), q)
	if err != nil {
		return nil, "", "", false, err
	}
	tell := h.teller(v)
	for i := range found {
		row, err := tell.event(ctx, &found[i])
		if err != nil {
			return nil, "", "", false, err
		}
		rows = append(rows, row)
	}
	if len(found) > 0 {
		first, last = placeOf(&found[0]), placeOf(&found[len(found)-1])
	}
	return rows, first, last, more, nil
}

// eventsOn asks for the page of events at the cursor.
func eventsOn(c cursor) audit.Query {
	return audit.Query{Older: positionOf(c.older), Newer: positionOf(c.newer), Limit: pageSize}
}

// placeOf writes the position of an event for an address.
func placeOf(e *audit.Event) string { return strconv.FormatInt(e.Time.UnixMicro(), 10) + "." + e.ID }

// positionOf reads what placeOf wrote; anything else is the zero position.
func positionOf(place string) audit.Position {
	at, id, _ := strings.Cut(place, ".")
	n, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return audit.Position{}
	}
	return audit.Position{Time: time.UnixMicro(n).UTC(), ID: id}
}

func eventFilter(r *http.Request) templates.EventFilter {
	q := r.URL.Query()
	field := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	return templates.EventFilter{
		Event: field("event"), Actor: field("actor"), Target: field("target"), Application: field("application"), From: field("from"), Until: field("until"),
	}
}

// filterEvents asks for what fits the filter, or says what is wrong with it.
func (h *Handler) filterEvents(ctx context.Context, v *visit, q *audit.Query, f *templates.EventFilter) (wrong []templates.FieldError, err error) {
	q.Name = f.Event
	if q.Actor, err = h.whoever(ctx, v, f.Actor); err != nil {
		return nil, err
	}
	if q.Target, err = h.whoever(ctx, v, f.Target); err != nil {
		return nil, err
	}
	for _, one := range []struct{ field, id string }{{"actor", q.Actor}, {"target", q.Target}} {
		if strings.Contains(one.id, "@") {
			wrong = append(wrong, templates.FieldError{Field: one.field, Text: templates.TextNoActor})
		}
	}
	if q.Application = f.Application; f.Application != "" {
		switch app, err := h.Applications.ByClientID(ctx, v.env.ID, f.Application); {
		case err == nil:
			q.Application = string(app.ID)
		case !errors.Is(err, clients.ErrNotFound):
			return nil, err
		}
	}
	for _, one := range []struct {
		field, text string
		to          *time.Time
	}{{"from", f.From, &q.Since}, {"until", f.Until, &q.Until}} {
		if one.text == "" {
			continue
		}
		if *one.to, err = parseMinute(one.text); err != nil {
			wrong = append(wrong, templates.FieldError{Field: one.field, Text: templates.TextNoTime})
		}
	}
	return wrong, nil
}

// parseMinute reads what a datetime-local field sends, which some browsers do with seconds.
func parseMinute(text string) (time.Time, error) {
	at, err := time.Parse("2006-01-02T15:04", text)
	if err != nil {
		at, err = time.Parse("2006-01-02T15:04:05", text)
	}
	return at, err
}

// whoever makes an ID of the address of a user or an operator; any other text, and the address of nobody, stays as it is.
func (h *Handler) whoever(ctx context.Context, v *visit, text string) (string, error) {
	if !strings.Contains(text, "@") {
		return text, nil
	}
	operators, err := h.Operators.Environment(ctx)
	if err != nil {
		return "", err
	}
	for _, env := range []environments.ID{v.env.ID, operators.ID} {
		user, err := h.Users.ByEmail(ctx, env, text)
		if err == nil {
			return string(user.ID), nil
		}
		if !errors.Is(err, identity.ErrNotFound) {
			return "", err
		}
	}
	return text, nil
}

// event is a row about an event.
func (t *teller) event(ctx context.Context, e *audit.Event) (row templates.EventRow, err error) {
	row = templates.EventRow{
		ID: e.ID, Time: e.Time, Name: e.Name, ActorKind: string(e.Actor.Kind), Address: e.Actor.Address, Device: device(e.Actor.UserAgent), Reason: e.Reason,
	}
	if e.Actor.Kind == audit.ActorOperator {
		row.Actor, err = t.operator(ctx, e.Actor.ID)
	} else {
		row.Actor, err = t.reference(ctx, e.Actor.ID)
	}
	if err != nil {
		return row, err
	}
	row.Actor.Text = cmp.Or(e.Actor.Name, row.Actor.Text) // as it was then
	if row.Target, err = t.reference(ctx, e.Target); err != nil {
		return row, err
	}
	row.Application, err = t.reference(ctx, e.Application)
	return row, err
}

// device names what a User-Agent header says.
func device(userAgent string) templates.Message {
	agent := useragent.Parse(userAgent)
	if agent.Name == "" {
		return templates.Message{}
	}
	return templates.TextDevice(agent.Name, agent.OS)
}

// showEvent serves GET …/events/{event}.
func (h *Handler) showEvent(w http.ResponseWriter, r *http.Request, v *visit) error {
	e, err := h.Events.Event(r.Context(), string(v.env.ID), r.PathValue("event"))
	if err != nil {
		return err
	}
	page := templates.DashboardEvent{Dashboard: v.in(templates.SectionEvents), SameEvent: v.at("/events", "event", e.Name)}
	if page.Event, err = h.teller(v).event(r.Context(), e); err != nil {
		return err
	}
	if e.Actor.ID != "" {
		page.SameActor = v.at("/events", "actor", e.Actor.ID)
	}
	if e.Target != "" {
		page.SameTarget = v.at("/events", "target", e.Target)
	}
	var text bytes.Buffer
	write := json.NewEncoder(&text)
	write.SetEscapeHTML(false)
	write.SetIndent("", "  ")
	if err := write.Encode(e.Document()); err != nil {
		return fmt.Errorf("write %s as JSON: %w", e.ID, err)
	}
	page.JSON = strings.TrimSpace(text.String())
	return templates.Render(w, http.StatusOK, page)
}

// exportEvents serves GET …/events/export: the events that fit the filter, the latest first, as a file.
func (h *Handler) exportEvents(w http.ResponseWriter, r *http.Request, v *visit) error {
	q, filter := audit.Query{Limit: 1000}, eventFilter(r)
	wrong, err := h.filterEvents(r.Context(), v, &q, &filter)
	if err != nil {
		return err
	}
	format := r.URL.Query().Get("format")
	newWriter := map[string]func(io.Writer) eventWriter{"csv": newCSV, "ndjson": newNDJSON}[format]
	if len(wrong) > 0 || newWriter == nil {
		return to(w, r, v.at("/events"))
	}
	page, more, err := h.Events.Events(r.Context(), string(v.env.ID), q)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", map[string]string{"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}[format])
	header.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="events-%s-%s.%s"`, v.env.Slug, v.now.Format(time.DateOnly), format))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if err := h.writeEvents(r.Context(), newWriter(w), v, q, page, more); err != nil {
		// The answer has begun: it is cut off, so that nobody takes what there is for all.
		h.Log.WarnContext(r.Context(), "export of events broken off", "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// writeEvents writes the page and those that come after it.
func (h *Handler) writeEvents(ctx context.Context, out eventWriter, v *visit, q audit.Query, page []audit.Event, more bool) error {
	for written := 0; ; {
		for i := range page {
			if err := out.write(page[i].Document()); err != nil {
				return err
			}
		}
		if written += len(page); !more || written >= maxExport {
			return out.flush()
		}
		q.Older, q.Limit = page[len(page)-1].Position(), min(q.Limit, maxExport-written)
		var err error
		if page, more, err = h.Events.Events(ctx, string(v.env.ID), q); err != nil {
			return err
		}
	}
}

// eventWriter writes events into a file.
type eventWriter interface {
	write(audit.Document) error
	flush() error
}

// ndjson writes an object a line.
type ndjson struct{ out *json.Encoder }

func newNDJSON(w io.Writer) eventWriter { return ndjson{json.NewEncoder(w)} }

func (n ndjson) write(d audit.Document) error { return n.out.Encode(d) }

func (n ndjson) flush() error { return nil }

// csvFile writes a line for each event, after one with the names of the columns (RFC 4180).
type csvFile struct {
	out    *csv.Writer
	header bool
}

func newCSV(w io.Writer) eventWriter { return &csvFile{out: csv.NewWriter(w)} }

func (c *csvFile) write(d audit.Document) error {
	if err := c.begin(); err != nil {
		return err
	}
	a := &d.Actor
	line := []string{
		d.OccurredAt.Format(time.RFC3339Nano), d.ID, d.Name, string(a.Kind), a.ID, a.Name, a.Address, a.UserAgent, d.ApplicationID, d.Target, d.Reason, string(d.Data),
	}
	for i := range line {
		line[i] = inert(line[i])
	}
	return c.out.Write(line)
}

func (c *csvFile) begin() error {
	if c.header {
		return nil
	}
	c.header = true
	return c.out.Write([]string{
		"occurred_at", "id", "name", "actor_kind", "actor_id", "actor_name", "address", "user_agent", "application_id", "target", "reason", "data",
	})
}

func (c *csvFile) flush() error {
	if err := c.begin(); err != nil {
		return err
	}
	c.out.Flush()
	return c.out.Error()
}

// inert keeps a spreadsheet from taking a text, which a stranger may have chosen, for a formula.
func inert(text string) string {
	begin := strings.TrimLeft(text, " ")
	if begin != "" && strings.ContainsRune("=+-@\t\r\n'", rune(begin[0])) {
		return "'" + text
	}
	return text
}
