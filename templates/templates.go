// Package templates makes the pages and mails that people see: a struct for each, one HTML file for each, and the
// texts in every language. A handler fills a struct and calls Render; it writes no HTML and no text of its own.
package templates

import (
	"bytes"
	"embed"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed html mail
var files embed.FS

// pages holds, by language, one parsed template per page with all partials and the functions of that language.
var pages = sync.OnceValue(parsePages)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Render writes the page with the status, its Content-Type and the headers that belong to it: Content-Security-Policy,
// Cache-Control: no-store, Referrer-Policy, X-Content-Type-Options, Permissions-Policy and, for account and dashboard,
// Cross-Origin-Opener-Policy. If the page cannot be made, nothing was written and the error says why.
func Render(w http.ResponseWriter, status int, page Page) error {
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	buffer.Reset()
	if err := execute(buffer, page); err != nil {
		return err
	}
	writeHeader(w.Header(), page)
	w.WriteHeader(status)
	_, err := buffer.WriteTo(w)
	return err
}

func execute(w io.Writer, page Page) error {
	view := page.view()
	t, ok := pages()[tongueOf(page.chrome().Language).tag][view.file]
	if !ok {
		return fmt.Errorf("render %s: no such page", view.file)
	}
	if err := t.Execute(w, page); err != nil {
		return fmt.Errorf("render %s: %w", view.file, err)
	}
	return nil
}

// writeHeader sets what lets a browser hold the page to what it is. The policy is that of every page,
// opened only where the page needs it.
func writeHeader(h http.Header, page Page) {
	chrome, view := page.chrome(), page.view()
	images := strings.Join(append([]string{"img-src 'self' data:"}, origins(append(view.images, chrome.LogoURI, chrome.DarkLogoURI)...)...), " ")
	ancestors := "'none'"
	if view.framed {
		ancestors = "'self'"
	}
	policy := []string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", images, "font-src 'self'", "connect-src 'self'",
		"base-uri 'none'", "frame-ancestors " + ancestors,
	}
	if len(view.frames) > 0 {
		policy = append(policy, "frame-src "+strings.Join(view.frames, " "))
	}
	// Chrome and Safari hold every redirect after a post to form-action, the application's own next hops too.
	if !view.leaves {
		policy = append(policy, "form-action 'self'")
	}
	h.Set("Content-Security-Policy", strings.Join(policy, "; "))
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Permissions-Policy", "publickey-credentials-get=(self), publickey-credentials-create=(self)")
	if view.isolated {
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
}

// plainHost matches hosts that cannot end a source or a directive of a policy.
var plainHost = regexp.MustCompile(`^[A-Za-z0-9.\-]+(:[0-9]+)?$|^\[[0-9A-Fa-f:.]+\](:[0-9]+)?$`)

// origins are the sources of a policy that let a page load the addresses. Paths of our own host and addresses that are no
// https or http have none.
func origins(addresses ...string) []string {
	var sources []string
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || !plainHost.MatchString(u.Host) {
			continue
		}
		if source := u.Scheme + "://" + u.Host; !slices.Contains(sources, source) {
			sources = append(sources, source)
		}
	}
	return sources
}
