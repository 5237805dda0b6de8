package templates

import "time"

// DashboardEvents lists what was done in an environment, the latest first. Its form has the fields of EventFilter, and the
// method GET.
type DashboardEvents struct {
	Dashboard
	Pager
	Filter EventFilter
	Rows   []EventRow
	Errors []FieldError // of the filter
	// CSV and NDJSON are the addresses of the events that fit the filter, as files with at most Most of them.
	CSV, NDJSON string
	Most        int
}

func (p DashboardEvents) view() view {
	v := p.dashboardView("dashboard_events", "/events")
	v.errors = p.Errors
	return v
}

// EventFilter is what somebody looks for: the fields event, actor, target, application, from and until of a form.
type EventFilter struct {
	Event, Actor, Target, Application string
	From, Until                       string // YYYY-MM-DDThh:mm in UTC
}

// Filtered reports whether the list leaves something out.
func (p DashboardEvents) Filtered() bool { return p.Filter != EventFilter{} }

// EventRow is one event.
type EventRow struct {
	ID          string
	Time        time.Time
	Name        string
	Actor       Reference
	ActorKind   string // "user", "operator", "api_key", "client" or "system"
	Target      Reference
	Application Reference
	Address     string // IP address
	Device      Message
	Reason      string
}

// Reference is something that an event names.
type Reference struct {
	Text string // name or ID; "" for nothing
	URI  string // address of its page; "" if it has none
}

// DashboardEvent shows all that is kept about one event.
type DashboardEvent struct {
	Dashboard
	Event EventRow
	JSON  string // the whole record
	// SameEvent, SameActor and SameTarget are the addresses of lists of events with the same; "" if there is nothing the same.
	SameEvent, SameActor, SameTarget string
}

func (p DashboardEvent) view() view {
	v := p.dashboardView("dashboard_event", "/events/"+p.Event.ID)
	v.heading = Literal(p.Event.Name)
	return v
}

// Mistakes in a filter of events.
var (
	TextNoActor = Message{id: "problem.no_actor"}
	TextNoTime  = Message{id: "problem.no_time"}
)
