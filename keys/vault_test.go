package keys

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestVault(t *testing.T) {
	old, both, after := newTestVault(t, oldKEK), newTestVault(t, newKEK, oldKEK), newTestVault(t, newKEK)
	label := Label{Environment: acme, ID: "kid", Purpose: "signing key"}
	text := []byte("a private key")
	sealed := old.Encrypt(label, text)
	rewrapped, err := both.Rewrap(label, sealed)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1

	for _, test := range []struct {
		name   string
		vault  *Vault
		label  Label
		sealed []byte
		want   error
	}{
		{"its own", old, label, sealed, nil},
		{"under a previous key", both, label, sealed, nil},
		{"rewrapped", after, label, rewrapped, nil},
		{"under a key that is gone", after, label, sealed, ErrNoEncryptionKey},
		{"under a key to come", old, label, rewrapped, ErrNoEncryptionKey},
		{"other environment", old, Label{globex, "kid", "signing key"}, sealed, ErrUnverified},
		{"other row", old, Label{acme, "kit", "signing key"}, sealed, ErrUnverified},
		{"other purpose", old, Label{acme, "kid", "sealing key"}, sealed, ErrUnverified},
		{"parts cut elsewhere", old, Label{acme + "k", "id", "signing key"}, sealed, ErrUnverified},
		{"changed", old, label, changed, ErrUnverified},
		{"cut", old, label, sealed[:len(sealed)-1], ErrUnverified},
		{"header only", old, label, sealed[:vaultHeader], ErrUnverified},
		{"less than a header", old, label, sealed[:3], ErrUnverified},
		{"empty", old, label, nil, ErrUnverified},
		{"other version", old, label, append([]byte{2}, sealed[1:]...), ErrUnverified},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.vault.Decrypt(test.label, test.sealed)
			if !errors.Is(err, test.want) {
				t.Fatalf("Decrypt: %v, want %v", err, test.want)
			}
			if test.want == nil && !bytes.Equal(got, text) || test.want != nil && got != nil {
				t.Errorf("Decrypt = %q", got)
			}
		})
	}
	if !old.Current(sealed) || both.Current(sealed) || !both.Current(rewrapped) || both.Current(nil) {
		t.Error("Current is wrong")
	}
	if bytes.Equal(old.Encrypt(label, text), sealed) {
		t.Error("the same text encrypts to the same bytes")
	}
	if _, err := after.Decrypt(label, sealed); err == nil || !strings.Contains(err.Error(), "signing key kid") {
		t.Errorf("the error %v doesn't say which key", err)
	}
}

func TestVaultKeyLength(t *testing.T) {
	if _, err := NewVault(oldKEK[1:]); err == nil {
		t.Error("a short key is taken")
	}
	if _, err := NewVault(newKEK, oldKEK[1:]); err == nil {
		t.Error("a short previous key is taken")
	}
}
