package grants

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.jetify.com/typeid/v2"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/keys"
	"github.com/portico-id/portico/sessions"
)

// sealing keeps sealing keys in memory.
type sealing struct{ keys []keys.SealingKey }

func (s *sealing) SealingKeys(context.Context, environments.ID) ([]keys.SealingKey, error) {
	return s.keys, nil
}

func (s *sealing) AddSealingKey(_ context.Context, _ environments.ID, key keys.SealingKey) error {
	s.keys = append(s.keys, key)
	return nil
}

func (s *sealing) RewrapSealingKey(context.Context, environments.ID, uint32, []byte, []byte) error {
	return nil
}

func (s *sealing) DeleteSealingKeys(context.Context, environments.ID, uint32) error { return nil }

func newAccessTokens(t testing.TB) *AccessTokens {
	t.Helper()
	vault, err := keys.NewVault([]byte(strings.Repeat("v", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return &AccessTokens{Sealer: &keys.Sealer{Store: &sealing{}, Vault: vault, Now: time.Now}}
}

func newID[T ~string](prefix string) T { return T(typeid.MustGenerate(prefix).String()) }

func TestAccessTokens(t *testing.T) {
	tokens := newAccessTokens(t)
	issued := time.Unix(1_790_000_000, 0).UTC()
	for _, test := range []struct {
		name  string
		token AccessToken
	}{
		{"a user's", AccessToken{Serial: NewSerial(), Issued: issued, Expires: issued.Add(5 * time.Minute), Grant: newID[ID]("grt"), Session: newID[sessions.ID]("ses")}},
		{"a user's, narrowed", AccessToken{Serial: NewSerial(), Issued: issued, Expires: issued.Add(time.Second), Grant: newID[ID]("grt"), Session: newID[sessions.ID]("ses"), Scopes: []string{"openid"}}},
		{"by client credentials", AccessToken{Serial: NewSerial(), Issued: issued, Expires: issued.Add(24 * time.Hour), Application: newID[clients.ID]("app"), Scopes: []string{"read", "write"}, Audience: []string{"https://api.example"}}},
		{"of a client without scopes", AccessToken{Serial: NewSerial(), Issued: issued, Expires: issued.Add(time.Hour), Application: newID[clients.ID]("app")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			text, err := tokens.Seal(t.Context(), "env_a", &test.token)
			if err != nil {
				t.Fatal(err)
			}
			got, err := tokens.Open(t.Context(), "env_a", text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&test.token, got); diff != "" {
				t.Errorf("Open(Seal) (-want +got):\n%s", diff)
			}
			if _, err := tokens.Open(t.Context(), "env_b", text); !errors.Is(err, ErrMalformed) {
				t.Errorf("another environment opens the token: %v, want ErrMalformed", err) // acceptance 8
			}
			for n := range len(text) {
				forged := text[:n] + string(text[n]^1) + text[n+1:]
				if got, err := tokens.Open(t.Context(), "env_a", forged); err == nil {
					t.Fatalf("changed at %d it still opens: %+v", n, got)
				}
			}
		})
	}
}

// FuzzOpen: whatever is presented as an access token, Open refuses it without a panic.
func FuzzOpen(f *testing.F) {
	tokens := newAccessTokens(f)
	real, err := tokens.Seal(f.Context(), "env_a", &AccessToken{Serial: NewSerial(), Issued: time.Unix(1, 0), Expires: time.Unix(2, 0), Application: newID[clients.ID]("app"), Scopes: []string{"a"}})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{real, real[:40], AccessTokenPrefix, "", "pt_rt_x", AccessTokenPrefix + strings.Repeat("A", 200)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := tokens.Open(t.Context(), "env_a", text); err == nil && text != real && got.Serial.String() == "" {
			t.Errorf("Open(%q) = %+v", text, got)
		}
	})
}

func newPepper(t testing.TB, current string, previous ...[]byte) *keys.Pepper {
	t.Helper()
	p, err := keys.NewPepper([]byte(strings.Repeat(current, 32)), previous...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRefreshToken(t *testing.T) {
	pepper := newPepper(t, "p")
	secret, successor := randomSecret(), randomSecret()
	token := newRefreshToken(pepper, "env_a", ChainID{1, 2, 3}, 7, secret)
	got, err := parseRefreshToken(pepper, "env_a", token.text())
	if err != nil || got.chain() != (ChainID{1, 2, 3}) || got.generation() != 7 || [secretLen]byte(got.raw[20:20+secretLen]) != secret {
		t.Fatalf("parse(text) = chain %v generation %d, %v", got.chain(), got.generation(), err)
	}
	if _, err := parseRefreshToken(pepper, "env_b", token.text()); !errors.Is(err, ErrMalformed) {
		t.Errorf("another environment takes the token: %v", err)
	}
	if _, err := parseRefreshToken(newPepper(t, "q"), "env_a", token.text()); !errors.Is(err, ErrMalformed) {
		t.Errorf("under another pepper: %v, want ErrMalformed", err)
	}
	if _, err := parseRefreshToken(newPepper(t, "q", []byte(strings.Repeat("p", 32))), "env_a", token.text()); err != nil {
		t.Errorf("with its pepper among the previous ones: %v", err)
	}
	opened, err := got.open(token.seal(successor))
	if err != nil || opened != successor {
		t.Errorf("open(seal(secret)) = %v, want the secret", err)
	}
	other := newRefreshToken(pepper, "env_a", ChainID{1, 2, 3}, 7, successor)
	if _, err := other.open(token.seal(successor)); err == nil {
		t.Error("another token opens what was sealed for this one")
	}
}

// FuzzParseRefreshToken: only what was issued here is taken, whatever is presented.
func FuzzParseRefreshToken(f *testing.F) {
	pepper := newPepper(f, "p")
	token := newRefreshToken(pepper, "env_a", ChainID{1}, 1, randomSecret())
	real := token.text()
	for _, seed := range []string{real, real[:len(real)-1] + "A", RefreshTokenPrefix, "", real + "A", AccessTokenPrefix + real[6:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parseRefreshToken(pepper, "env_a", text); (err == nil) != (text == real) {
			t.Errorf("parseRefreshToken(%q) = %v", text, err)
		}
	})
}
