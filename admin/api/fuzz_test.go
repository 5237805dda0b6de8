package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/portico-id/portico/clients"
	"github.com/portico-id/portico/environments"
	"github.com/portico-id/portico/server/servertest"
)

// fuzzer makes requests of the OpenAPI document: some as it has them, some not.
type fuzzer struct {
	*rand.Rand
	contract *contract
	ids      []string // that answers have shown
}

// hostile are texts that have broken programs.
var hostile = []string{
	"", " ", "a", "null", "0", "-1", "true", "[]", "{}", "../../etc/passwd", "%00", "\x00", "a\x00b", "\xff\xfe", "é", "e\u0301", "日本語", "\u202eevil", "\u2028", "🙂",
	"'; DROP TABLE users --", "<script>alert(1)</script>", "{{.}}", "${7*7}", "https://a.example/cb", "http://127.0.0.1:1/cb", "com.example.app:/cb", "https://*.example.com",
	"javascript:alert(1)", "//a.example", "https://[::1", "https://a.example/%zz", "a@example.com", "A@EXAMPLE.COM", "a@b", "*", "applications:read", "web", "native", "RS256",
	"2026-11-24T09:00:00Z", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "2026-02-30T00:00:00+24:00", "app_", "usr_01h", "openid", "authorization_code", "refresh_token",
	"Europe/Berlin", "+442079460000", "1815-12-10", strings.Repeat("x", 129), strings.Repeat("é", 300), strings.Repeat("y", 5000), `"\`, "\t\n",
}

func (f *fuzzer) one(all []string) string { return all[f.IntN(len(all))] }

// word is a text: an ID that is known, a hostile one, or any.
func (f *fuzzer) word() string {
	switch n := f.IntN(10); {
	case n < 3 && len(f.ids) > 0:
		return f.one(f.ids)
	case n < 9:
		return f.one(hostile)
	}
	b := make([]byte, f.IntN(20))
	for i := range b {
		b[i] = byte(f.IntN(256))
	}
	return string(b)
}

// anything is a value of any kind.
func (f *fuzzer) anything(depth int) any {
	switch f.IntN(8) {
	case 0:
		return nil
	case 1:
		return f.IntN(2) == 0
	case 2:
		return json.Number(f.one([]string{"0", "-1", "1.5", "1e400", "9223372036854775807", "-9223372036854775808", "18446744073709551616", "1e3", "300"}))
	case 3:
		if depth < 5 {
			return []any{f.anything(depth + 1), f.anything(depth + 1)}
		}
	case 4:
		if depth < 5 {
			return map[string]any{f.word(): f.anything(depth + 1)}
		}
	}
	return f.word()
}

// value is one that mostly fits the schema.
func (f *fuzzer) value(schema map[string]any, depth int) any {
	for schema["$ref"] != nil {
		name := schema["$ref"].(string)[len("#/components/schemas/"):]
		schema = f.contract.document["components"].(map[string]any)["schemas"].(map[string]any)[name].(map[string]any)
	}
	if f.IntN(25) == 0 {
		return f.anything(depth)
	}
	if enum, ok := schema["enum"].([]any); ok && f.IntN(8) > 0 {
		return enum[f.IntN(len(enum))]
	}
	kind := fmt.Sprint(schema["type"])
	switch {
	case strings.Contains(kind, "object"):
		object := map[string]any{}
		properties, _ := schema["properties"].(map[string]any)
		required, _ := schema["required"].([]any)
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			if slices.Contains(required, any(name)) && f.IntN(20) > 0 || f.IntN(4) == 0 {
				object[name] = f.value(properties[name].(map[string]any), depth+1)
			}
		}
		if of, ok := schema["additionalProperties"].(map[string]any); ok {
			for range f.IntN(3) {
				object[f.word()] = f.value(of, depth+1)
			}
		}
		if f.IntN(30) == 0 {
			object[f.word()] = f.anything(depth)
		}
		return object
	case strings.Contains(kind, "array"):
		list := []any{}
		for range f.IntN(4) {
			list = append(list, f.value(schema["items"].(map[string]any), depth+1))
		}
		return list
	case strings.Contains(kind, "integer"):
		return json.Number(f.one([]string{"0", "1", "60", "300", "600", "3600", "86400", "1209600", "-1", "9223372036854775807"}))
	case strings.Contains(kind, "boolean"):
		return f.IntN(2) == 0
	case strings.Contains(kind, "string"):
		return f.word()
	}
	return f.anything(depth)
}

var parameterForm = regexp.MustCompile(`\{[a-z_]+\}`)

// request makes one for an operation, which is told.
func (f *fuzzer) request(t testing.TB, base string) (at string, r *http.Request) {
	all := slices.Sorted(maps.Keys(f.contract.operations))
	at = f.one(all)
	for at == "POST /keys:rotate" && f.IntN(20) > 0 || at == "POST /environments" && f.IntN(5) > 0 { // slow, as they make RSA keys
		at = f.one(all)
	}
	operation := f.contract.operations[at]
	method, path, _ := strings.Cut(at, " ")
	path = parameterForm.ReplaceAllStringFunc(path, func(string) string {
		if id := f.word(); id != "" {
			return url.PathEscape(id)
		}
		return "x"
	})
	query, header := url.Values{}, http.Header{}
	parameters, _ := operation["parameters"].([]any)
	for _, parameter := range parameters {
		p := parameter.(map[string]any)
		if f.IntN(3) > 0 {
			continue
		}
		value := fmt.Sprint(f.value(p["schema"].(map[string]any), 0))
		switch name := p["name"].(string); p["in"] {
		case "query":
			query.Set(name, value)
		case "header":
			header.Set(name, strings.NewReplacer("\x00", "", "\n", "", "\r", "").Replace(value))
		}
	}
	if f.IntN(20) == 0 {
		query.Set(f.word(), f.word())
	}
	var body []byte
	if request, ok := operation["requestBody"].(map[string]any); ok && f.IntN(20) > 0 {
		content := request["content"].(map[string]any)
		kind := f.one(slices.Sorted(maps.Keys(content)))
		body, _ = json.Marshal(f.value(content[kind].(map[string]any)["schema"].(map[string]any), 0)) // 1e400 is no number of JSON
		header.Set("Content-Type", kind)
	}
	switch f.IntN(40) {
	case 0:
		body = []byte(f.word())
	case 1:
		body = body[:f.IntN(len(body)+1)]
	}
	address := base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(body))
	check(t, err)
	header.Set("User-Agent", strings.NewReplacer("\x00", "", "\n", "", "\r", "").Replace(f.word()))
	r.Header = header
	return at, r
}

// run sends requests to the environment of the operators, in which every operation is possible, and holds the answers to
// the document.
func (f *fuzzer) run(t *testing.T, i *servertest.Installation, handler http.Handler, requests int) {
	env, err := i.Environments.BySlug(t.Context(), environments.OperatorsSlug)
	check(t, err)
	key := ""
	for range requests {
		if key == "" {
			app, _, err := i.Applications.Create(t.Context(), env, clients.New{Kind: clients.Machine, Name: "Fuzzer"})
			check(t, err)
			_, secret, err := i.APIKeys.Create(t.Context(), env, app.ID, clients.NewAPIKey{Scopes: []clients.APIScope{clients.ScopeAll}})
			check(t, err)
			key = secret.Reveal()
		}
		at, r := f.request(t, i.Issuer+env.PathPrefix()+"/api/v1")
		var body []byte
		if r.Body != nil {
			body, err = io.ReadAll(r.Body)
			check(t, err)
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		r.Header.Set("Authorization", "Bearer "+key)
		r.RemoteAddr = "192.0.2.1:1234"
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		a := answer{status: w.Code, header: w.Header(), text: w.Body.String()}
		_ = json.Unmarshal(w.Body.Bytes(), &a.json) // an answer without a body has no fields
		if w.Code/100 == 3 {                        // the path of a hostile ID is another one
			continue
		}
		if err := f.contract.check(at, a); a.status >= 500 || err != nil {
			t.Fatalf("%s %s %q\n%v\n= %d %s\n%v", r.Method, r.URL, body, r.Header, a.status, a.text, err)
		}
		if a.status == http.StatusUnauthorized { // it has disabled itself
			key = ""
		}
		for _, match := range idForm.FindAllString(a.text, 20) {
			if len(f.ids) < 500 && !slices.Contains(f.ids, match) {
				f.ids = append(f.ids, match)
			}
		}
	}
}

var idForm = regexp.MustCompile(`\b(?:app|usr|ses|sec|key|env|evt|org|mem|rol)_[0-9a-z]{26}\b`)

// FuzzAPI finds no request that is answered with a 500, or otherwise than the OpenAPI document promises.
func FuzzAPI(f *testing.F) {
	i := servertest.Start(f, servertest.Options{})
	handler := i.Handler()
	c := readContract(f, i.Issuer+"/api/v1")
	for seed := range uint64(20) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		(&fuzzer{Rand: rand.New(rand.NewPCG(seed, 0)), contract: c}).run(t, i, handler, 60)
	})
}

// The same on both databases, of which each takes other texts, in other ways each time.
func TestRandomRequests(t *testing.T) {
	servertest.Each(t, servertest.Options{}, func(t *testing.T, i *servertest.Installation) {
		f := &fuzzer{Rand: rand.New(rand.NewPCG(rand.Uint64(), 0)), contract: readContract(t, i.Issuer+"/api/v1")}
		f.run(t, i, i.Handler(), 1500)
	})
}
