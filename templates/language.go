package templates

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// defaultLanguage has every text; the others are held complete by a test.
const defaultLanguage = "en"

//go:embed messages/*.json
var messageFiles embed.FS

// tongue is one language that the pages speak.
type tongue struct {
	tag       string // BCP 47
	localizer *i18n.Localizer
}

// catalogue holds every language, the default one first.
var catalogue = sync.OnceValue(func() []tongue {
	bundle := i18n.NewBundle(language.MustParse(defaultLanguage))
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	entries, err := messageFiles.ReadDir("messages")
	if err != nil {
		panic(err) // embedded, so this cannot differ between two runs
	}
	for _, entry := range entries {
		if _, err := bundle.LoadMessageFileFS(messageFiles, path.Join("messages", entry.Name())); err != nil {
			panic(err)
		}
	}
	var tongues []tongue
	for _, tag := range bundle.LanguageTags() {
		tongues = append(tongues, tongue{tag.String(), i18n.NewLocalizer(bundle, tag.String())})
	}
	return tongues
})

// Languages are those that pages and mails can be written in, as BCP 47 tags, the default one first.
func Languages() []string {
	var tags []string
	for _, t := range catalogue() {
		tags = append(tags, t.tag)
	}
	return tags
}

// matcher finds the language nearest to what somebody prefers.
var matcher = sync.OnceValue(func() language.Matcher {
	var tags []language.Tag
	for _, t := range Languages() {
		tags = append(tags, language.MustParse(t))
	}
	return language.NewMatcher(tags)
})

// MatchLanguage picks one of Languages. Each preference is a ui_locales value (OIDC Core §3.1.2.1: tags in order, separated by
// spaces) or an Accept-Language header; the first that names a language we speak decides. Malformed and empty ones are passed over.
func MatchLanguage(preferences ...string) string {
	for _, preference := range preferences {
		if !strings.ContainsAny(preference, ",;") {
			preference = strings.Join(strings.Fields(preference), ",")
		}
		tags, _, err := language.ParseAcceptLanguage(preference)
		if err != nil || len(tags) == 0 {
			continue
		}
		if _, i, confidence := matcher().Match(tags...); confidence > language.No {
			return Languages()[i]
		}
	}
	return defaultLanguage
}

// tongueOf is the language with the tag, or the default one.
func tongueOf(tag string) tongue {
	for _, t := range catalogue() {
		if t.tag == tag {
			return t
		}
	}
	return catalogue()[0]
}

// direction is the value of dir.
func (t tongue) direction() string {
	script, _ := language.MustParse(t.tag).Script()
	switch script.String() {
	case "Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm":
		return "rtl"
	}
	return "ltr"
}

// text is the message with its values in this language.
func (t tongue) text(id string, v values) (string, error) {
	config := &i18n.LocalizeConfig{MessageID: id, PluralCount: v["Count"]}
	if n, ok := v["Count"].(many); ok {
		config.PluralCount = int(n)
	}
	if len(v) > 0 {
		data := make(values, len(v))
		for name, value := range v {
			written, err := t.write(value)
			if err != nil {
				return "", err
			}
			data[name] = written
		}
		config.TemplateData = data
	}
	text, err := t.localizer.Localize(config)
	if err != nil {
		return "", fmt.Errorf("text %s in %s: %w", id, t.tag, err)
	}
	return text, nil
}

// write puts a value of a message into words of this language.
func (t tongue) write(value any) (any, error) {
	switch value := value.(type) {
	case time.Duration:
		return t.duration(value)
	case Message:
		return t.say(value)
	case many:
		return t.number(int(value))
	}
	return value, nil
}

// say is the message in this language.
func (t tongue) say(m Message) (string, error) {
	if m.id == "" {
		return m.literal, nil
	}
	return t.text(m.id, m.values)
}

// duration writes a length of time in its greatest unit and, if that is not all, the next: "3 days", "1 hour 30 minutes".
func (t tongue) duration(d time.Duration) (string, error) {
	units := []struct {
		id   string
		size time.Duration
	}{
		{"duration.days", 24 * time.Hour}, {"duration.hours", time.Hour}, {"duration.minutes", time.Minute}, {"duration.seconds", time.Second},
	}
	var parts []string
	for _, unit := range units {
		count := int(d / unit.size)
		if count == 0 && len(parts) == 0 && unit.size > time.Second {
			continue
		}
		if count == 0 && len(parts) == 1 || len(parts) == 2 {
			break
		}
		part, err := t.text(unit.id, values{"Count": count})
		if err != nil {
			return "", err
		}
		parts = append(parts, part)
		d -= time.Duration(count) * unit.size
	}
	return strings.Join(parts, " "), nil
}

// ago writes an instant as seen from now, in the time zone of now: "2 hours ago", "yesterday", "7 Dec".
func (t tongue) ago(now, at time.Time) (string, error) {
	passed := now.Sub(at)
	today := dayNumber(now)
	switch day := dayNumber(at.In(now.Location())); {
	case passed < 0:
		return t.day(now, at)
	case passed < time.Minute:
		return t.text("ago.now", nil)
	case passed < time.Hour:
		return t.text("ago.minutes", values{"Count": int(passed.Minutes())})
	case day == today:
		return t.text("ago.hours", values{"Count": int(passed.Hours())})
	case day == today-1:
		return t.text("ago.yesterday", nil)
	case day > today-7:
		return t.text("ago.days", values{"Count": today - day})
	}
	return t.day(now, at)
}

// active is ago for the last use of a session: within five minutes it is "active now".
func (t tongue) active(now, at time.Time) (string, error) {
	if passed := now.Sub(at); 0 <= passed && passed < 5*time.Minute {
		return t.text("ago.active", nil)
	}
	return t.ago(now, at)
}

// day writes a date in the time zone of now; the year only if it is another one than now.
func (t tongue) day(now, at time.Time) (string, error) {
	at = at.In(now.Location())
	month, err := t.text(fmt.Sprintf("month.%d", int(at.Month())), nil)
	if err != nil {
		return "", err
	}
	id := "date.day"
	if at.Year() != now.Year() {
		id = "date.day_year"
	}
	return t.text(id, values{"Day": at.Day(), "Month": month, "Year": at.Year()})
}

// moment writes date and time in the time zone of now, and names the zone: "2 Dec 2026, 14:32 UTC".
func (t tongue) moment(now, at time.Time) (string, error) {
	day, err := t.day(now.AddDate(1, 0, 0), at)
	if err != nil {
		return "", err
	}
	return t.text("date.moment", values{"Date": day, "Time": at.In(now.Location()).Format("15:04 MST")})
}

// dayNumber counts the calendar days of the time's own zone.
func dayNumber(at time.Time) int {
	year, month, day := at.Date()
	return int(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60))
}
