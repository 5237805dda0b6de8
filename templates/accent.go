package templates

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// Accent is an application's accent with what becomes of it so that everybody can read the pages (ui.md §7).
type Accent struct {
	Colour string // #rrggbb
	On     string // text on it
	Hover  string
	// The colour of links, and whether the accent needs an edge to be seen, in the light theme and the dark.
	LightLink, DarkLink string
	LightEdge, DarkEdge bool
}

var accentForm = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

// theme has the colours that an accent must stand out from: those of app.css.
type theme struct {
	bg, surface, surface2, text rgb
}

var (
	light = theme{hexColour("#f5f6f8"), hexColour("#ffffff"), hexColour("#eceef2"), hexColour("#161a22")}
	dark  = theme{hexColour("#0f1218"), hexColour("#181c24"), hexColour("#232833"), hexColour("#eef1f6")}
)

// Contrasts that WCAG 2.2 asks for: of text (1.4.3), and of what is to be seen as a control (1.4.11).
const (
	contrastText    = 4.5
	contrastControl = 3.0
)

// NewAccent corrects the colour, #rrggbb. It reports false for what is no colour.
func NewAccent(colour string) (a Accent, ok bool) {
	if !accentForm.MatchString(colour) {
		return a, false
	}
	accent, white, black := hexColour(colour), hexColour("#ffffff"), hexColour("#000000")
	on, away := white, black
	if contrast(accent, black) > contrast(accent, white) {
		on, away = black, white
	}
	return Accent{
		Colour: accent.String(), On: on.String(), Hover: accent.mix(away, 0.15).String(),
		LightLink: light.link(accent).String(), DarkLink: dark.link(accent).String(),
		LightEdge: contrast(accent, light.surface) < contrastControl, DarkEdge: contrast(accent, dark.surface) < contrastControl,
	}, true
}

// link mixes the accent towards the text until it can be read on page, card and grey.
func (t *theme) link(accent rgb) rgb {
	for share := 0.0; share < 1; share += 0.05 {
		mixed := accent.mix(t.text, share)
		if contrast(mixed, t.bg) >= contrastText && contrast(mixed, t.surface) >= contrastText && contrast(mixed, t.surface2) >= contrastText {
			return mixed
		}
	}
	return t.text
}

// StyleSheet sets custom properties and nothing else.
func (a Accent) StyleSheet() string {
	edge := func(needed bool) string {
		if needed {
			return "var(--border-strong)"
		}
		return "transparent"
	}
	darkOnes := fmt.Sprintf("--link:%s;--accent-edge:%s", a.DarkLink, edge(a.DarkEdge))
	return fmt.Sprintf(":root{--accent:%s;--on-accent:%s;--accent-hover:%s;--link:%s;--accent-edge:%s}\n", a.Colour, a.On, a.Hover, a.LightLink, edge(a.LightEdge)) +
		"@media (prefers-color-scheme:dark){:root:not([data-theme=\"light\"]){--accent:" + a.Colour + ";--on-accent:" + a.On + ";--accent-hover:" + a.Hover + ";" + darkOnes + "}}\n" +
		":root[data-theme=\"dark\"]{" + darkOnes + "}\n"
}

// Hash is short and other for each style sheet: it belongs to its address, so that browsers can keep it.
func (a Accent) Hash() string {
	sum := sha256.Sum256([]byte(a.StyleSheet()))
	return hex.EncodeToString(sum[:6])
}

// rgb is a colour of sRGB, each part from 0 to 255.
type rgb [3]float64

// hexColour reads #rrggbb.
func hexColour(text string) (c rgb) {
	for i := range c {
		n, _ := strconv.ParseUint(text[1+2*i:3+2*i], 16, 8) // its form was checked
		c[i] = float64(n)
	}
	return c
}

func (c rgb) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c[0])), int(math.Round(c[1])), int(math.Round(c[2])))
}

// mix has the share of the other colour in it.
func (c rgb) mix(other rgb, share float64) (mixed rgb) {
	for i := range c {
		mixed[i] = math.Round(c[i]*(1-share) + other[i]*share)
	}
	return mixed
}

// contrast is that of WCAG 2, from 1 to 21.
func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func (c rgb) luminance() float64 {
	linear := func(part float64) float64 {
		if part /= 255; part <= 0.04045 {
			return part / 12.92
		} else {
			return math.Pow((part+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}
