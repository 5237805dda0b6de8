package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// difference is what a change did, by field, as the record of events has it. It holds no secret.
type difference struct {
	Before map[string]json.RawMessage `json:"before,omitempty"`
	After  map[string]json.RawMessage `json:"after,omitempty"`
}

// compare returns the fields in which two states of an application differ; nil is an application that doesn't exist.
func compare(before, after *Application) (difference, error) {
	var d difference
	var err error
	if d.Before, err = before.fields(); err != nil {
		return difference{}, err
	}
	if d.After, err = after.fields(); err != nil {
		return difference{}, err
	}
	for name, value := range d.Before {
		if other, ok := d.After[name]; ok && bytes.Equal(value, other) {
			delete(d.Before, name)
			delete(d.After, name)
		}
	}
	return d, nil
}

func (d difference) empty() bool { return len(d.Before) == 0 && len(d.After) == 0 }

// fields returns what people set, under the names of the management API, but for texts, lists and objects that are empty.
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
	return fields, nil
}

func fieldsOf(d Document) (fields map[string]json.RawMessage, err error) {
	text, err := json.Marshal(d)
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	return fields, err
}
