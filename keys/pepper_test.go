package keys

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"
	"testing"
)

func newTestPepper(t testing.TB, current string, previous ...string) *Pepper {
	t.Helper()
	long := func(s string) []byte { return bytes.Repeat([]byte(s), MinPepper) }
	var older [][]byte
	for _, p := range previous {
		older = append(older, long(p))
	}
	pepper, err := NewPepper(long(current), older...)
	if err != nil {
		t.Fatal(err)
	}
	return pepper
}

func TestPepperSum(t *testing.T) {
	pepper := newTestPepper(t, "a")
	for _, secret := range []string{"", "s", "a secret", string(bytes.Repeat([]byte("long"), 200))} {
		mac := hmac.New(sha256.New, bytes.Repeat([]byte("a"), MinPepper))
		binary.Write(mac, binary.BigEndian, uint64(len("client secret")))
		mac.Write([]byte("client secret" + secret))
		for range 3 { // pooled states must not remember
			if got := pepper.Sum("client secret", []byte(secret)); !bytes.Equal(got[:], mac.Sum(nil)) {
				t.Errorf("Sum(%.10q) = %x, want %x", secret, got, mac.Sum(nil))
			}
		}
	}
}

func TestPepperMatches(t *testing.T) {
	old, rotated := newTestPepper(t, "a"), newTestPepper(t, "b", "a")
	sum := old.Sum("api key", []byte("s3cret"))
	for _, test := range []struct {
		name          string
		pepper        *Pepper
		label, secret string
		want          bool
	}{
		{"same pepper", old, "api key", "s3cret", true},
		{"previous pepper", rotated, "api key", "s3cret", true},
		{"pepper that is gone", newTestPepper(t, "b"), "api key", "s3cret", false},
		{"other secret", rotated, "api key", "s3cres", false},
		{"empty secret", rotated, "api key", "", false},
		{"other label", rotated, "client secret", "s3cret", false},
		{"label and secret cut elsewhere", rotated, "api key" + "s3", "cret", false},
	} {
		if got := test.pepper.Matches(test.label, []byte(test.secret), sum); got != test.want {
			t.Errorf("%s: Matches = %v, want %v", test.name, got, test.want)
		}
	}
	if got := rotated.Sum("api key", []byte("s3cret")); got == sum || !rotated.Matches("api key", []byte("s3cret"), got) {
		t.Error("Sum after the rotation is still under the previous pepper")
	}
	all := slices.Collect(rotated.Sums("api key", []byte("s3cret")))
	if len(all) != 2 || all[0] != rotated.Sum("api key", []byte("s3cret")) || all[1] != sum {
		t.Errorf("Sums = %x", all)
	}
}

func TestPepperLength(t *testing.T) {
	if _, err := NewPepper(make([]byte, MinPepper-1)); err == nil {
		t.Error("a short pepper is taken")
	}
	if _, err := NewPepper(make([]byte, MinPepper), nil); err == nil {
		t.Error("an empty previous pepper is taken")
	}
}

func TestPepperConcurrently(t *testing.T) {
	pepper := newTestPepper(t, "a", "b")
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			secret := bytes.Repeat([]byte{byte(i)}, 32)
			sum := pepper.Sum("l", secret)
			for range 200 {
				if !pepper.Matches("l", secret, sum) {
					t.Errorf("secret %d doesn't match", i)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkPepper(b *testing.B) {
	pepper := newTestPepper(b, "a")
	secret := []byte("pt_rt_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg")
	sum := pepper.Sum("refresh token", secret)
	b.Run("Sum", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			pepper.Sum("refresh token", secret)
		}
	})
	b.Run("Matches", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !pepper.Matches("refresh token", secret, sum) {
				b.Fatal("no match")
			}
		}
	})
}
