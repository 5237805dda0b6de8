package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/portico-id/portico/clients"
)

// design.md §4: every field of an application can be given as a flag of its name.
func TestEveryFieldHasAFlag(t *testing.T) {
	flags := (&cli{}).createApplication().Flags()
	for _, document := range []reflect.Type{reflect.TypeFor[clients.Document](), reflect.TypeFor[clients.PolicyDocument]()} {
		for _, f := range reflect.VisibleFields(document) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if flags.Lookup(strings.ReplaceAll(name, "_", "-")) == nil {
				t.Errorf("portico application create has no flag for %s", name)
			}
		}
	}
}
