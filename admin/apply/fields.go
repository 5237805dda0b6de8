package apply

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// names are those of both states, in their order.
func names(before, after map[string]json.RawMessage) []string {
	all := maps.Clone(before)
	if all == nil {
		all = map[string]json.RawMessage{}
	}
	maps.Copy(all, after)
	return slices.Sorted(maps.Keys(all))
}

// split makes of a field that is an object before and after one for each part in which it differs.
func split(name string, before, after json.RawMessage) []Field {
	was, is := object(before), object(after)
	if was == nil || is == nil {
		return []Field{{Name: name, Before: before, After: after}}
	}
	var all []Field
	for _, part := range names(was, is) {
		if !bytes.Equal(was[part], is[part]) {
			all = append(all, split(join(name, part), was[part], is[part])...)
		}
	}
	return all
}

// object returns the fields of an object in JSON; nil for anything else.
func object(text json.RawMessage) (fields map[string]json.RawMessage) {
	if json.Unmarshal(text, &fields) != nil {
		return nil
	}
	return fields
}

// created are the fields of something new.
func created(state any) []Field {
	text, err := json.Marshal(state)
	if err != nil {
		return nil
	}
	fields, all := object(text), []Field{}
	for _, name := range names(nil, fields) {
		all = append(all, Field{Name: name, After: fields[name]})
	}
	return all
}

// pageSize is the most that a list gives at once.
const pageSize = 100

// pages reads a list to its end.
func pages[T any, ID ~string](page func(after ID) ([]T, error), id func(T) ID) (all []T, err error) {
	for after := ID(""); ; {
		some, err := page(after)
		if err != nil {
			return nil, err
		}
		if all = append(all, some...); len(some) < pageSize {
			return all, nil
		}
		after = id(some[len(some)-1])
	}
}
