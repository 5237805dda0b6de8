package templates

import (
	"html/template"
	"strconv"
)

// dashboardFunctions are those that only pages of the dashboard call.
func (t tongue) dashboardFunctions() template.FuncMap {
	return template.FuncMap{
		"number": t.number,
		"kinds":  func() []string { return []string{"web", "spa", "native", "machine", "device", "api"} },
		"crumb":  func(href, label string) tab { return tab{Href: href, Label: label} },

		"roleChoice": t.roleChoice,
		"newKinds":   t.newKinds,
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
	return t.choices(p, "kind", []string{"web", "spa", "native", "machine"}, checked)
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
