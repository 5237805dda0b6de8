package provider_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

// decodeSegment reads the header (0) or the claims (1) of a JWS in compact form, without a look at its signature.
func decodeSegment(t testing.TB, compact string, segment int) map[string]any {
	t.Helper()
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWS", compact)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[segment])
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
