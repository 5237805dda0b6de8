package environments

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/portico-id/portico/fault"
)

// Brand is how hosted pages look and where their footer leads, as JSON. What is empty is Portico's own. An application's own
// brand comes before that of its environment.
type Brand struct {
	LogoURI     string `json:"logo_uri" maxLength:"2000" doc:"An image for light pages."`
	DarkLogoURI string `json:"dark_logo_uri" maxLength:"2000" doc:"An image for dark pages; logo_uri if empty."`
	Accent      string `json:"accent" maxLength:"7" doc:"The colour of buttons and links, such as #3f4fd1."`
	HelpURI     string `json:"help_uri" maxLength:"2000" doc:"Where people find help."`
	PolicyURI   string `json:"policy_uri" maxLength:"2000" doc:"The privacy policy."`
	TOSURI      string `json:"tos_uri" maxLength:"2000" doc:"The terms of service."`
}

const maxAddress = 2000

var (
	accentForm = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)
	hostForm   = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)
)

// validate tells all that is wrong with the brand, for an environment of the kind.
func (b *Brand) validate(kind Kind) (mistakes []error) {
	for _, address := range []struct{ name, value string }{
		{"logo_uri", b.LogoURI}, {"dark_logo_uri", b.DarkLogoURI}, {"help_uri", b.HelpURI}, {"policy_uri", b.PolicyURI}, {"tos_uri", b.TOSURI},
	} {
		if problem := addressProblem(address.value, kind); problem != "" {
			mistakes = append(mistakes, fault.Invalidf("brand/"+address.name, "%.100q %s", address.value, problem))
		}
	}
	if b.Accent != "" && !accentForm.MatchString(b.Accent) {
		mistakes = append(mistakes, fault.Invalidf("brand/accent", "accent %.20q must be a colour such as #3f4fd1", b.Accent))
	}
	if b.DarkLogoURI != "" && b.LogoURI == "" {
		mistakes = append(mistakes, fault.Invalidf("brand/dark_logo_uri", "a logo for dark pages needs one for light pages"))
	}
	return mistakes
}

// addressProblem says what is wrong with an address that pages load from or link to; "" if nothing, or if there is none.
func addressProblem(address string, kind Kind) string {
	if address == "" {
		return ""
	}
	if len(address) > maxAddress {
		return fmt.Sprintf("has %d bytes: %d is the most", len(address), maxAddress)
	}
	u, err := url.Parse(address)
	switch {
	case err != nil, strings.ContainsFunc(address, func(c rune) bool { return c <= ' ' || c >= 0x7f }):
		return "can't be read as a URI (RFC 3986)"
	case u.Scheme == "http" && kind != Development:
		return "uses http, which only an environment for development takes: use https"
	case u.Scheme != "https" && u.Scheme != "http":
		return "must begin with https://"
	case u.User != nil || !hostForm.MatchString(u.Host):
		return "must have a host, and no user name, after https://"
	}
	return ""
}
