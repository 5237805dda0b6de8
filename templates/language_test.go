package templates

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMatchLanguage(t *testing.T) {
	for _, test := range []struct {
		preferences []string
		want        string
	}{
		{nil, "en"},
		{[]string{"", ""}, "en"},
		{[]string{"de"}, "de"},
		{[]string{"de-AT"}, "de"},
		{[]string{"fr de en"}, "de"},              // ui_locales, OIDC Core §3.1.2.1
		{[]string{"se", "de-CH, en;q=0.7"}, "de"}, // an unknown ui_locales is no error
		{[]string{"", "fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5"}, "en"}, // RFC 9110 §12.5.4
		{[]string{"en", "de"}, "en"},
		{[]string{"ja"}, "en"},
		{[]string{"*"}, "en"},
		{[]string{"; drop table", "\x00", "de"}, "de"},
		{[]string{strings.Repeat("de-", 10000)}, "en"},
	} {
		if got := MatchLanguage(test.preferences...); got != test.want {
			t.Errorf("MatchLanguage(%.60q) = %q, want %q", test.preferences, got, test.want)
		}
	}
}

func FuzzMatchLanguage(f *testing.F) {
	f.Add("de-AT en", "fr-CH, fr;q=0.9, *;q=0.5")
	f.Add("", "\xff;q=")
	f.Fuzz(func(t *testing.T, uiLocales, acceptLanguage string) {
		if got := MatchLanguage(uiLocales, acceptLanguage); !slices.Contains(Languages(), got) {
			t.Errorf("MatchLanguage(%q, %q) = %q, which no page speaks", uiLocales, acceptLanguage, got)
		}
	})
}

var placeholder = regexp.MustCompile(`\{\{\.\w+\}\}`)

// Each language has each text, with the same values in it.
func TestTranslationsAreComplete(t *testing.T) {
	type shape struct {
		ID     string
		Values []string
	}
	shapes := func(language string) []shape {
		texts := map[string]json.RawMessage{}
		for _, file := range []string{"", "dashboard.", "people.", "reference."} {
			content, err := messageFiles.ReadFile("messages/" + file + language + ".json")
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(content, &texts); err != nil {
				t.Fatal(err)
			}
		}
		var all []shape
		for id, text := range texts {
			values := placeholder.FindAllString(string(text), -1)
			slices.Sort(values)
			all = append(all, shape{id, slices.Compact(values)})
			if strings.Contains(string(text), `"other"`) != strings.Contains(string(text), ".Count") {
				t.Errorf("%s %s: a text has plural forms if, and only if, it counts", language, id)
			}
		}
		slices.SortFunc(all, func(a, b shape) int { return strings.Compare(a.ID, b.ID) })
		return all
	}
	want := shapes(defaultLanguage)
	for _, language := range Languages()[1:] {
		if diff := cmp.Diff(want, shapes(language)); diff != "" {
			t.Errorf("%s (-%s +%s):\n%s", language, defaultLanguage, language, diff)
		}
	}
}

// The words of ui.md §4 are kept out of the texts.
func TestWords(t *testing.T) {
	unwanted := regexp.MustCompile(`(?i)please|oops|invalid|error occurred|[a-z]!|log in|log out|e-mail`)
	for _, file := range []string{"en.json", "dashboard.en.json", "people.en.json", "reference.en.json"} {
		content, err := messageFiles.ReadFile("messages/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			if word := unwanted.FindString(line); word != "" {
				t.Errorf("%q in %s", word, line)
			}
		}
	}
}

func TestDuration(t *testing.T) {
	for _, test := range []struct {
		duration        time.Duration
		english, german string
	}{
		{0, "0 seconds", "0 Sekunden"},
		{time.Second, "1 second", "1 Sekunde"},
		{2 * time.Minute, "2 minutes", "2 Minuten"},
		{90 * time.Minute, "1 hour 30 minutes", "1 Stunde 30 Minuten"},
		{72 * time.Hour, "3 days", "3 Tage"},
		{24*time.Hour + time.Minute, "1 day", "1 Tag"},
		{25*time.Hour + time.Minute + time.Second, "1 day 1 hour", "1 Tag 1 Stunde"},
	} {
		check(t, tongueOf("en").duration, test.duration, test.english)
		check(t, tongueOf("de").duration, test.duration, test.german)
	}
}

func check[T any](t *testing.T, write func(T) (string, error), value T, want string) {
	t.Helper()
	if got, err := write(value); err != nil || got != want {
		t.Errorf("%v is written %q, %v, want %q", value, got, err, want)
	}
}

func TestAgo(t *testing.T) {
	berlin := time.FixedZone("CET", 60*60)
	for _, test := range []struct {
		name            string
		now             time.Time
		passed          time.Duration
		english, german string
	}{
		{"this second", now, 0, "just now", "gerade eben"},
		{"a minute", now, time.Minute, "1 minute ago", "vor 1 Minute"},
		{"two hours", now, 2 * time.Hour, "2 hours ago", "vor 2 Stunden"},
		{"late yesterday", now, 15 * time.Hour, "yesterday", "gestern"},
		{"less than a day, but yesterday", now, 14*time.Hour + 33*time.Minute, "yesterday", "gestern"},
		{"still today in Berlin", now.In(berlin), 15 * time.Hour, "15 hours ago", "vor 15 Stunden"},
		{"three days", now, 72 * time.Hour, "3 days ago", "vor 3 Tagen"},
		{"nine days", now, 9 * 24 * time.Hour, "25 Nov", "25. November"},
		{"last year", now, 365 * 24 * time.Hour, "4 Dec 2025", "4. Dezember 2025"},
		{"tomorrow", now, -24 * time.Hour, "5 Dec", "5. Dezember"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for language, want := range map[string]string{"en": test.english, "de": test.german} {
				if got, err := tongueOf(language).ago(test.now, now.Add(-test.passed)); err != nil || got != want {
					t.Errorf("ago = %q, %v, want %q", got, err, want)
				}
			}
		})
	}
}

// Each reason for which a session can end (design.md §2) has words, but for the person's own sign-out.
func TestTextSessionEnded(t *testing.T) {
	for reason, want := range map[string]string{
		"inactivity":             "You were signed out of Acme Web because you were away for 3 days.",
		"max_length":             "You were signed out of Acme Web because 3 days had passed since you signed in.",
		"signed_out":             "You were signed out of Acme Web.",
		"signed_out_everywhere":  "You were signed out of Acme Web because you signed out everywhere.",
		"revoked_by_operator":    "You were signed out of Acme Web because an administrator ended the session.",
		"revoked_by_user":        "You were signed out of Acme Web because you ended the session.",
		"password_reset":         "You were signed out of Acme Web because your password was changed.",
		"refresh_reuse":          "You were signed out of Acme Web to protect your account.",
		"membership_deactivated": "You were signed out of Acme Web because your membership was turned off.",
		"user_disabled":          "You were signed out of Acme Web because your account was turned off.",
		"application_disabled":   "You were signed out of Acme Web because the application was turned off.",
		"impersonation_ended":    "You were signed out of Acme Web because support access ended.",
		"something_new":          "You were signed out of Acme Web.",
	} {
		check(t, tongueOf("en").say, TextSessionEnded("Acme Web", reason, 72*time.Hour), want)
	}
}

func TestTexts(t *testing.T) {
	for _, test := range []struct {
		text Message
		want string
	}{
		{TextTooManyTries(110 * time.Second), "Too many tries. Wait 2 minutes, then try again."},
		{TextTooManyTries(400 * time.Millisecond), "Too many tries. Wait 1 second, then try again."},
		{TextTooManyTries(61 * time.Minute), "Too many tries. Wait 2 hours, then try again."},
		{TextPasswordTooShort(15), "Use at least 15 characters. Three or four unrelated words work well."},
		{TextTooLong(1), "Use at most 1 character."},
		{TextDevice("Firefox", "Windows"), "Firefox on Windows"},
		{TextDevice("", "Windows"), "Windows"},
		{TextDevice("", ""), ""},
		{Literal("{{.}} <b>"), "{{.}} <b>"},
	} {
		check(t, tongueOf("en").say, test.text, test.want)
	}
	check(t, tongueOf("de").say, TextDevice("Firefox", "Windows"), "Firefox unter Windows")
}

// A value in bold is text, whatever it looks like.
func TestRichEscapes(t *testing.T) {
	got, err := tongueOf("en").rich("verify_email.text", "Email", "<b>\uE000Email\uE000 {{.}} & co")
	if want := "We sent an email to <b><bdi>&lt;b&gt;\uE000Email\uE000 {{.}} &amp; co</bdi></b>. Enter the code from it, it works for 10 minutes."; err != nil || string(got) != want {
		t.Errorf("rich = %q, %v, want %q", got, err, want)
	}
}

func TestHref(t *testing.T) {
	full := Chrome{Prefix: "/env/staging", Interaction: "int_1", ClientID: "a&b", Query: "ui_locales=de+en&token=st_1"}
	for _, test := range []struct {
		chrome Chrome
		path   string
		more   []string
		want   string
	}{
		{Chrome{}, "/sign-in", nil, "/sign-in"},
		{Chrome{Query: "token=st_1"}, "/account", nil, "/account"},
		{full, "/sign-in/password", nil, "/env/staging/sign-in/password?client_id=a%26b&interaction=int_1&ui_locales=de+en"},
		{Chrome{Interaction: "int_1"}, "/sign-in/choose-account", []string{"mode", "remove"}, "/sign-in/choose-account?interaction=int_1&mode=remove"},
		{Chrome{ClientID: "web", Account: "brs_1"}, "/sign-out", nil, "/sign-out?account=brs_1&client_id=web"},
	} {
		if got := test.chrome.Href(test.path, test.more...); got != test.want {
			t.Errorf("Href(%q) = %q, want %q", test.path, got, test.want)
		}
	}
	if got, want := full.InLanguage("en"), "?token=st_1&ui_locales=en"; got != want {
		t.Errorf("InLanguage = %q, want %q", got, want)
	}
}
