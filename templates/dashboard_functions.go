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
	}
}

// number writes a count as this language does: "1,204".
func (t tongue) number(n int) (string, error) {
	separator, err := t.text("number.thousands", nil)
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + separator + digits[i:]
	}
	return digits, err
}
