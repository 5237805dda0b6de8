package templates

import (
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
)

// dashboardFunctions are those that only pages of the dashboard call.
func (t tongue) dashboardFunctions() template.FuncMap {
	return template.FuncMap{
		"number": t.number,
		"kinds":  func() []string { return []string{"web", "spa", "native", "machine", "device", "api"} },
		"many":   func(n int) many { return many(n) },
		"words":  func(values ...string) []string { return values },
		"crumb":  func(href, label string) tab { return tab{Href: href, Label: label} },

		"roleChoice": t.roleChoice,
		"newKinds":   t.newKinds,
		"duration":   t.durationField,
		"options":    t.options,
		"uriField":   t.uriField,
		"textLines":  t.uriField,
		"textField":  t.textField,
		"filterText": t.filterField,
		"pick":       t.pick,
		"ticks":      t.ticks,

		"note": func(p Page, c ChangeNote) changeNote { return changeNote{c, p.chrome().Now} },
		"row":  func(p Page, c Credential) credentialRow { return credentialRow{c, p.chrome().Now} },
	}
}

// choices are radio buttons with a line each.
type choices struct {
	ID, Legend, Problem string
	Choices             []choice
}

type choice struct {
	Value, Label, Hint string
	Checked            bool
}

// roleChoice offers the roles of operators.
func (t tongue) roleChoice(p Page, checked string) (choices, error) {
	return t.choices(p, "role", []string{"viewer", "support", "admin", "owner"}, checked)
}

// newKinds offers the kinds of applications that can be registered.
func (t tongue) newKinds(p Page, checked string) (choices, error) {
	return t.choices(p, "kind", []string{"web", "spa", "native", "machine", "api"}, checked)
}

// pick offers the values for a field.
func (t tongue) pick(p Page, id, checked string, offered ...string) (choices, error) {
	return t.choices(p, id, offered, checked)
}

// choices offers values for a field, in the texts <field>.legend, <field>.<value>.name and <field>.<value>.hint.
func (t tongue) choices(p Page, id string, offered []string, checked string) (c choices, err error) {
	f, err := t.field(p, id, id+".legend")
	if err != nil {
		return c, err
	}
	c.ID, c.Legend, c.Problem = id, f.Label, f.Problem
	for _, value := range offered {
		one := choice{Value: value, Checked: value == checked}
		if one.Label, err = t.text(id+"."+value+".name", nil); err != nil {
			return c, err
		}
		if one.Hint, err = t.text(id+"."+value+".hint", nil); err != nil {
			return c, err
		}
		c.Choices = append(c.Choices, one)
	}
	return c, nil
}

// ticks are boxes of which any number can be ticked.
type ticks struct {
	field
	Lines bool // each has a line with its hint
	Ticks []tick
}

type tick struct {
	Tick
	Hint string
}

// ticks offers values for a field, in the texts <field>.legend and, where hints says so, <field>.<value>.
func (t tongue) ticks(p Page, id string, offered []Tick, hints bool) (all ticks, err error) {
	if all.field, err = t.field(p, id, id+".legend"); err != nil {
		return all, err
	}
	all.Lines = hints
	for _, one := range offered {
		next := tick{Tick: one}
		if hints {
			if next.Hint, err = t.text(id+"."+one.Value, nil); err != nil {
				return all, err
			}
		}
		all.Ticks = append(all.Ticks, next)
	}
	return all, nil
}

// many is a count in a message that may have more than three digits.
type many int

// number writes a count as this language does: "1,204".
func (t tongue) number(n int) (string, error) {
	separator, err := t.text("number.thousands", nil)
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + separator + digits[i:]
	}
	return digits, err
}

// The units of a Duration, the largest first.
var durationUnits = []struct {
	name string
	size time.Duration
}{{"days", 24 * time.Hour}, {"hours", time.Hour}, {"minutes", time.Minute}, {"seconds", time.Second}}

const maxDuration = time.Duration(math.MaxInt64)

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }

func parseInt(text string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return n, err == nil
}

// durationField is a field for a number with one for its unit.
type durationField struct {
	field
	Number string
	Units  []option
}

// option is a choice of a select.
type option struct {
	Value, Label string
	Selected     bool
}

func (t tongue) durationField(p Page, id, label string, d Duration, hint string) (durationField, error) {
	f, err := t.field(p, id, label, hint)
	if err != nil {
		return durationField{}, err
	}
	units, err := t.options("unit", []string{"seconds", "minutes", "hours", "days"}, d.Unit)
	return durationField{field: f, Number: d.Number, Units: units}, err
}

// options are those of a select, in the texts <prefix>.<value>.
func (t tongue) options(prefix string, offered []string, selected string) ([]option, error) {
	var all []option
	for _, value := range offered {
		label, err := t.text(prefix+"."+value, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, option{value, label, value == selected})
	}
	return all, nil
}

// uriField is a field for an address, in the texts field.<id> and field.<id>.hint.
type uriField struct {
	field
	Value string
}

func (t tongue) uriField(p Page, id, value string) (uriField, error) {
	hint, err := t.text("field."+id+".hint", nil)
	if err != nil {
		return uriField{}, err
	}
	f, err := t.field(p, id, "field."+id, hint)
	return uriField{f, value}, err
}

// changeNote is a ChangeNote with the time that it is looked at.
type changeNote struct {
	ChangeNote
	Now time.Time
}

// textField is a field for a text, with the label field.<id>.
func (t tongue) textField(p Page, id, value string) (uriField, error) {
	f, err := t.field(p, id, "field."+id)
	return uriField{f, value}, err
}

// filterField is a field of a filter, with the label filter.<id>.
func (t tongue) filterField(p Page, id, value string) (uriField, error) {
	f, err := t.field(p, id, "filter."+id)
	return uriField{f, value}, err
}

// credentialRow is a credential with the time that it is looked at.
type credentialRow struct {
	Credential
	Now time.Time
}
