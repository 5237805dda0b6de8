// Package static holds the style sheet, the scripts and the icons of all pages and serves them under names with a
// content hash, so that browsers keep them for good.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed files
var files embed.FS

// asset is one file, ready to be sent.
type asset struct {
	url         string
	contentType string
	etag        string
	plain       []byte
	gzip        []byte
}

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// assets holds every file by its name without the hash.
var assets = sync.OnceValue(func() map[string]asset {
	all := map[string]asset{}
	entries, err := files.ReadDir("files")
	if err != nil {
		panic(err) // embedded, so this cannot differ between two runs
	}
	for _, entry := range entries {
		content, err := fs.ReadFile(files, path.Join("files", entry.Name()))
		if err != nil {
			panic(err)
		}
		all[entry.Name()] = newAsset(entry.Name(), content)
	}
	return all
})

func newAsset(name string, content []byte) asset {
	sum := sha256.Sum256(content)
	var compressed bytes.Buffer
	zw, _ := gzip.NewWriterLevel(&compressed, gzip.BestCompression) // fails only for a level that does not exist
	zw.Write(content)                                               // into memory, which does not fail
	zw.Close()
	stem, extension := strings.TrimSuffix(name, path.Ext(name)), path.Ext(name)
	return asset{
		url:         "/static/" + stem + "." + hex.EncodeToString(sum[:6]) + extension,
		contentType: contentTypes[extension],
		etag:        base64.RawURLEncoding.EncodeToString(sum[:12]),
		plain:       content,
		gzip:        compressed.Bytes(),
	}
}

// URL is the path of the file, with its hash: URL("app.css") is "/static/app.<hash>.css". It panics if there is no such file.
func URL(name string) string {
	a, ok := assets()[name]
	if !ok {
		panic("static: no file " + name)
	}
	return a.url
}

// Handler serves the paths that URL gives, below /static/, to be kept for a year. A path with another hash, which a page of
// another version asks for while nodes are replaced one by one, gets today's file and must not be kept.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := assets()[withoutHash(path.Base(r.URL.Path))]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", a.contentType)
		h.Set("Content-Security-Policy", "default-src 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Vary", "Accept-Encoding")
		h.Set("Cache-Control", "no-cache")
		if r.URL.Path == a.url {
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		content := a.plain
		h.Set("ETag", `"`+a.etag+`"`)
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			content = a.gzip
			h.Set("Content-Encoding", "gzip")
			h.Set("ETag", `"`+a.etag+`-gzip"`)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
}

// withoutHash makes "app.css" of "app.<hash>.css".
func withoutHash(name string) string {
	parts := strings.Split(name, ".")
	if len(parts) != 3 {
		return ""
	}
	return parts[0] + "." + parts[2]
}

// acceptsGzip reads Accept-Encoding (RFC 9110 §12.5.3) as far as gzip is concerned.
func acceptsGzip(header string) bool {
	for coding := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			weight := strings.TrimSpace(parameters)
			return weight != "q=0" && !strings.HasPrefix(weight, "q=0.0")
		}
	}
	return false
}
