package templates

import (
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portico-id/portico/static"
)

// Whatever the accent, text on it and links beside it can be read (ui.md §7).
func TestAccentContrast(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	colours := []string{"#000000", "#ffffff", "#ffff00", "#ff0000", "#00ff00", "#0000ff", "#3f4fd1", "#808080", "#767676", "#777777"}
	for range 2000 {
		colours = append(colours, rgb{float64(random.IntN(256)), float64(random.IntN(256)), float64(random.IntN(256))}.String())
	}
	for _, colour := range colours {
		a, ok := NewAccent(colour)
		if !ok || a.Colour != colour {
			t.Fatalf("NewAccent(%s) = %+v, %v", colour, a, ok)
		}
		if c := contrast(hexColour(a.Colour), hexColour(a.On)); c < 4.58 {
			t.Errorf("text on %s has a contrast of %.2f", colour, c)
		}
		if c := contrast(hexColour(a.Hover), hexColour(a.On)); c < contrastText {
			t.Errorf("text on the hover of %s has a contrast of %.2f", colour, c)
		}
		for _, in := range []struct {
			theme theme
			link  string
			edge  bool
		}{{light, a.LightLink, a.LightEdge}, {dark, a.DarkLink, a.DarkEdge}} {
			for _, ground := range []rgb{in.theme.bg, in.theme.surface, in.theme.surface2} {
				if c := contrast(hexColour(in.link), ground); c < contrastText {
					t.Errorf("a link of %s on %s has a contrast of %.2f", colour, ground, c)
				}
			}
			if seen := contrast(hexColour(colour), in.theme.surface) >= contrastControl; seen == in.edge {
				t.Errorf("%s on %s: edge = %v", colour, in.theme.surface, in.edge)
			}
		}
	}
}

func TestAccentRefuses(t *testing.T) {
	for _, colour := range []string{"", "red", "#fff", "#12345g", "#1234567", "#123456;}", " #123456", "#123456\n"} {
		if a, ok := NewAccent(colour); ok {
			t.Errorf("NewAccent(%q) = %+v", colour, a)
		}
	}
}

func TestAccentStyleSheet(t *testing.T) {
	a, _ := NewAccent("#FFD400")
	want := `:root{--accent:#ffd400;--on-accent:#000000;--accent-hover:#ffda26;--link:#736414;--accent-edge:var(--border-strong)}
@media (prefers-color-scheme:dark){:root:not([data-theme="light"]){--accent:#ffd400;--on-accent:#000000;--accent-hover:#ffda26;--link:#ffd400;--accent-edge:transparent}}
:root[data-theme="dark"]{--link:#ffd400;--accent-edge:transparent}
`
	if diff := cmp.Diff(want, a.StyleSheet()); diff != "" {
		t.Errorf("the style sheet (-want +got):\n%s", diff)
	}
	b, _ := NewAccent("#ffd401")
	if a.Hash() == b.Hash() || len(a.Hash()) != 12 {
		t.Errorf("the hashes are %s and %s", a.Hash(), b.Hash())
	}
}

// The colours that an accent is measured against are those of the style sheet.
func TestAccentThemes(t *testing.T) {
	w := httptest.NewRecorder()
	static.Handler().ServeHTTP(w, httptest.NewRequest("GET", static.URL("app.css"), nil))
	sheet, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	for scheme, theme := range map[string]theme{"light": light, "dark": dark} {
		_, tokens, _ := strings.Cut(string(sheet), "color-scheme: "+scheme+";")
		for name, want := range map[string]rgb{"bg": theme.bg, "surface": theme.surface, "surface-2": theme.surface2, "text": theme.text} {
			found := regexp.MustCompile(`--` + name + `: (#[0-9a-f]{6});`).FindStringSubmatch(tokens)
			if found == nil || found[1] != want.String() {
				t.Errorf("%s: --%s is %v in the style sheet, %s here", scheme, name, found, want)
			}
		}
	}
}
