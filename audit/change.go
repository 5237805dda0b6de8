package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Change is what a change did, by field: the Data of its event.
type Change struct {
	Before map[string]json.RawMessage `json:"before,omitempty"`
	After  map[string]json.RawMessage `json:"after,omitempty"`
}

// Changed returns the fields in which two states differ, each a value that is an object in JSON; nil is a state in which
// there was nothing.
func Changed(before, after any) (Change, error) {
	var c Change
	var err error
	if c.Before, err = fields(before); err != nil {
		return Change{}, err
	}
	if c.After, err = fields(after); err != nil {
		return Change{}, err
	}
	for name, value := range c.Before {
		if other, ok := c.After[name]; ok && bytes.Equal(value, other) {
			delete(c.Before, name)
			delete(c.After, name)
		}
	}
	return c, nil
}

// Empty reports whether nothing changed.
func (c Change) Empty() bool { return len(c.Before) == 0 && len(c.After) == 0 }

func fields(state any) (map[string]json.RawMessage, error) {
	text, err := json.Marshal(state)
	if err != nil {
		return nil, fmt.Errorf("write a state as JSON: %w", err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("read the fields of a state: %w", err)
	}
	return all, nil
}
