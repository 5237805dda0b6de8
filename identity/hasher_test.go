package identity

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/portico-id/portico/fault"
)

func newTestHasher(t testing.TB, parallel int) *Hasher {
	t.Helper()
	h, err := NewHasher(Argon2{MemoryKiB: 64, Iterations: 1, Parallelism: 1}, parallel)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHashAndVerify(t *testing.T) {
	h := newTestHasher(t, 1)
	hash, err := h.Hash(t.Context(), "turnip ladder ﬁddle é")
	if err != nil {
		t.Fatal(err)
	}
	if want := "$argon2id$v=19$m=64,t=1,p=1$"; !strings.HasPrefix(hash, want) {
		t.Errorf("Hash() = %q, want it to begin with %q", hash, want)
	}
	if again, _ := h.Hash(t.Context(), "turnip ladder ﬁddle é"); again == hash {
		t.Error("two hashes have the same salt")
	}
	for _, c := range []struct {
		name, password string
		want           bool
	}{
		{"as it was", "turnip ladder ﬁddle é", true},
		{"composed in another way (NIST SP 800-63B-4 §3.1.1.2)", "turnip ladder fiddle e\u0301", true},
		{"another", "turnip ladder fiddle e", false},
		{"other case", "Turnip ladder fiddle é", false},
		{"empty", "", false},
	} {
		if got, err := h.Verify(t.Context(), c.password, hash); got != c.want || err != nil {
			t.Errorf("%s: Verify(%q) = %v, %v, want %v", c.name, c.password, got, err, c.want)
		}
	}
	if h.NeedsUpgrade(hash) {
		t.Error("NeedsUpgrade() = true for a hash that was just made")
	}
}

func TestVerifyWithoutAHashComputesOne(t *testing.T) {
	h := newTestHasher(t, 1)
	if ok, err := h.Verify(t.Context(), "", ""); ok || err != nil {
		t.Errorf("Verify() = %v, %v, want false", ok, err)
	}
	if got := h.computed.Load(); got != 1 {
		t.Errorf("%d hashes were computed, want 1", got)
	}
}

func TestNewHasherRefuses(t *testing.T) {
	for name, p := range map[string]Argon2{
		"zero":                     {},
		"no iterations":            {MemoryKiB: 64, Parallelism: 1},
		"no threads":               {MemoryKiB: 64, Iterations: 1},
		"too little memory (§3.1)": {MemoryKiB: 63, Iterations: 1, Parallelism: 8},
		"too many threads":         {MemoryKiB: 4096, Iterations: 1, Parallelism: 65},
		"too much memory":          {MemoryKiB: 4<<20 + 1, Iterations: 1, Parallelism: 1},
	} {
		if _, err := NewHasher(p, 1); err == nil {
			t.Errorf("%s: NewHasher(%+v) succeeded", name, p)
		}
	}
}

// b64 is the base64 of the PHC format of bytes given in hexadecimal.
func b64(s string) string {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

// importedHashes are hashes of other systems (acceptance 73).
var importedHashes = []struct{ name, password, hash string }{
	{"argon2id, P-H-C/phc-winner-argon2 src/test.c", "password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"},
	{"argon2i, the same", "password", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"},
	{"bcrypt $2a$, crypt_blowfish wrapper.c", "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
	{"bcrypt $2y$, the same", "U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
	{"bcrypt $2b$, the same", "U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
	{"bcrypt of more than 72 bytes, the same", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
		"$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"},
	{"scrypt, RFC 7914 §12", "password", "$scrypt$ln=10,r=8,p=16$" + b64("4e61436c") + "$" +
		b64("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640")},
	{"scrypt, Passlib", "password", "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E"},
	{"pbkdf2 with SHA-256, RFC 7914 §11", "passwd", "$pbkdf2-sha256$i=1$" + b64("73616c74") + "$" +
		b64("55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783")},
	{"pbkdf2 with SHA-1, RFC 6070", "password", "$pbkdf2$2$" + b64("73616c74") + "$" + b64("ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957")},
	{"pbkdf2 with SHA-256, Passlib", "password", "$pbkdf2-sha256$6400$.6UI/S.nXIk8jcbdHx3Fhg$98jZicV16ODfEsEZeYPGHU3kbrUrvUEXOPimVSQDD44"},
	{"pbkdf2 with SHA-512, PHC with a length", goodPassword, "$pbkdf2-sha512$i=1000,l=32$c2Vhc2FsdA$pHVLAalLiAe7MFZ6hMuiO4wmCZpCe8vL83c/Ueax4/w"},
	{"pbkdf2 with SHA-256, Django", goodPassword, "pbkdf2_sha256$1000$seasalt$p4HD9GLaifrGRtZYMHX3TNdhoVldWXRPPijIyyaX5XM="},
}

func TestImportedHashes(t *testing.T) {
	h := newTestHasher(t, 1)
	for _, c := range importedHashes {
		if err := CheckImportedHash(c.hash); err != nil {
			t.Errorf("%s: CheckImportedHash(%q): %v", c.name, c.hash, err)
		}
		if ok, err := h.Verify(t.Context(), c.password, c.hash); !ok || err != nil {
			t.Errorf("%s: Verify() = %v, %v, want true", c.name, ok, err)
		}
		if ok, err := h.Verify(t.Context(), "x"+c.password, c.hash); ok || err != nil {
			t.Errorf("%s: Verify() of a wrong password = %v, %v, want false", c.name, ok, err)
		}
		if !h.NeedsUpgrade(c.hash) {
			t.Errorf("%s: NeedsUpgrade() = false", c.name)
		}
	}
}

func TestCheckImportedHashRefuses(t *testing.T) {
	const salt, key = "c29tZXNhbHQ", "Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M"
	for _, c := range []struct{ name, hash string }{
		{"empty", ""},
		{"a password", "turnip ladder violin 7"},
		{"MD5", "5f4dcc3b5aa765d61d8327deb882cf99"},
		{"md5-crypt", "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"},
		{"sha512-crypt", "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"},
		{"argon2d, whose time tells the password", "$argon2d$v=19$m=256,t=2,p=1$" + salt + "$" + key},
		{"argon2id version 16", "$argon2id$v=16$m=256,t=2,p=1$" + salt + "$" + key},
		{"argon2id without a version", "$argon2id$m=256,t=2,p=1$" + salt + "$" + key},
		{"argon2id of no threads, at which the library panics", "$argon2id$v=19$m=256,t=2,p=0$" + salt + "$" + key},
		{"argon2id of no passes, the same", "$argon2id$v=19$m=256,t=0,p=1$" + salt + "$" + key},
		{"argon2id of 4 TiB", "$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + key},
		{"argon2id with an empty key, that fits all", "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$"},
		{"argon2id with a key of 4 bytes", "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$AAAAAA"},
		{"bcrypt that takes weeks", "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
		{"bcrypt cut short", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh"},
		{"bcrypt with the bug of $2x$", "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
		{"scrypt of 128 GiB", "$scrypt$ln=24,r=64,p=1$" + salt + "$" + key},
		{"scrypt with too many lanes", "$scrypt$ln=16,r=8,p=64$" + salt + "$" + key},
		{"scrypt with a shift out of range", "$scrypt$ln=70,r=8,p=1$" + salt + "$" + key},
		{"scrypt of a negative cost", "$scrypt$ln=16,r=-8,p=1$" + salt + "$" + key},
		{"scrypt without a cost", "$scrypt$ln=16,r=8$" + salt + "$" + key},
		{"scrypt with an empty key", "$scrypt$ln=16,r=8,p=1$" + salt + "$"},
		{"pbkdf2 of no rounds", "$pbkdf2-sha256$0$" + salt + "$" + key},
		{"pbkdf2 that takes minutes", "$pbkdf2-sha256$10000001$" + salt + "$" + key},
		{"pbkdf2 with MD5", "$pbkdf2-md5$1000$" + salt + "$" + key},
		{"pbkdf2 with an empty key", "$pbkdf2-sha256$1000$" + salt + "$"},
		{"pbkdf2 of Django with an empty key", "pbkdf2_sha256$1000$salt$"},
		{"pbkdf2 of Django with MD5", "pbkdf2_md5$1000$salt$" + key + "="},
		{"too long", "$pbkdf2-sha256$1000$" + strings.Repeat(salt, 100) + "$" + key},
	} {
		err := CheckImportedHash(c.hash)
		if f := fault.Of(err); f == nil || f.Kind != fault.Invalid || f.Field != "password_hash" {
			t.Errorf("%s: CheckImportedHash(%q) = %v, want a fault of password_hash", c.name, c.hash, err)
		}
	}
}

func TestNeedsUpgradeToOtherParameters(t *testing.T) {
	hash, err := newTestHasher(t, 1).Hash(t.Context(), "turnip ladder violin 7")
	if err != nil {
		t.Fatal(err)
	}
	dearer, err := NewHasher(Argon2{MemoryKiB: 64, Iterations: 2, Parallelism: 1}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !dearer.NeedsUpgrade(hash) {
		t.Error("NeedsUpgrade() = false for a hash of fewer iterations")
	}
	if ok, err := dearer.Verify(t.Context(), "turnip ladder violin 7", hash); !ok || err != nil {
		t.Errorf("Verify() = %v, %v, want true", ok, err)
	}
}

func TestHashesWaitForTheirTurn(t *testing.T) {
	h := newTestHasher(t, 2)
	h.slots <- struct{}{}
	h.slots <- struct{}{}
	gone := errors.New("the browser has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err := h.Hash(ctx, "turnip ladder violin 7"); !errors.Is(err, gone) {
		t.Errorf("Hash() with no slot free = %v, want %v", err, gone)
	}
	if _, err := h.Verify(ctx, "turnip ladder violin 7", ""); !errors.Is(err, gone) {
		t.Errorf("Verify() with no slot free = %v, want %v", err, gone)
	}
	if got := h.computed.Load(); got != 0 {
		t.Errorf("%d hashes were computed, want 0", got)
	}
	<-h.slots
	if _, err := h.Hash(t.Context(), "turnip ladder violin 7"); err != nil {
		t.Errorf("Hash() with a slot free: %v", err)
	}
	if got := len(h.slots); got != 1 {
		t.Errorf("%d slots are taken, want 1", got)
	}
}

func FuzzParseHash(f *testing.F) {
	for _, c := range importedHashes {
		f.Add(c.hash)
	}
	f.Add("pbkdf2_sha256$1000$salt$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M=")
	f.Fuzz(func(t *testing.T, hash string) {
		verify, err := parseHash(hash)
		if (verify == nil) == (err == nil) {
			t.Errorf("parseHash(%q) = %v, %v", hash, verify != nil, err)
		}
	})
}
