package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/portico-id/portico/audit"
)

// compare returns the fields in which two states of an application differ, without its secrets; nil is an application that
// doesn't exist.
func compare(before, after *Application) (audit.Change, error) {
	was, err := before.fields()
	if err != nil {
		return audit.Change{}, err
	}
	is, err := after.fields()
	if err != nil {
		return audit.Change{}, err
	}
	return audit.Changed(was, is)
}

// fields returns what people set and what manages it, under the names of the management API, but for texts, lists and objects
// that are empty.
func (a *Application) fields() (map[string]json.RawMessage, error) {
	if a == nil {
		return nil, nil
	}
	fields, err := fieldsOf(a.Document())
	if err != nil {
		return nil, fmt.Errorf("write %s as JSON: %w", a.ID, err)
	}
	empty, err := fieldsOf((&Application{}).Document())
	if err != nil {
		return nil, err
	}
	for name, value := range fields {
		if strings.ContainsRune(`"[{`, rune(value[0])) && bytes.Equal(value, empty[name]) {
			delete(fields, name)
		}
	}
	if a.ManagedBy != "" {
		if fields["managed_by"], err = json.Marshal(a.ManagedBy); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

func fieldsOf(d Document) (fields map[string]json.RawMessage, err error) {
	text, err := json.Marshal(d)
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	return fields, err
}
