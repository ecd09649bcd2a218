// Package console serves the web console, which is built from web/ into dist/
// and checked in, so that a plain go build gives the whole product.
//
// It is a page that runs in the browser and speaks to the management API alone:
// nothing is fetched from anywhere else, and its policy allows nothing else.
package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

// Prefix is where the console stands; all its addresses begin with it.
const Prefix = "/console/"

// Policy is the Content-Security-Policy of the console: scripts and styles from
// its own files alone, none inline, requests to its own server alone, and no
// frame around it. blob: and data: are pictures that the reader chose or a
// model made.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; font-src 'self'; " +
	"img-src 'self' blob: data:; media-src 'self' blob: data:; manifest-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

//go:embed dist
var dist embed.FS

// Handler answers everything below Prefix.
type Handler struct {
	page   *file
	assets map[string]*file // by path and query-less URL below Prefix
}

// file is what is sent for one address.
type file struct {
	body    []byte
	kind    string // its media type
	etag    string
	keep    string // Cache-Control
	squeeze func() []byte
}

// New reads the built console. The addresses of its files hold a digest of all
// of them: a browser keeps them for ever, and a new build has new addresses.
func New() (*Handler, error) {
	files, err := read(dist, "dist")
	if err != nil {
		return nil, err
	}
	index, ok := files["index.html"]
	if !ok {
		return nil, fmt.Errorf("the built console has no index.html: run make console")
	}
	folder := "_/" + digest(files) + "/"
	page := strings.ReplaceAll(string(index), `="./`, `="`+Prefix+folder)
	h := &Handler{page: newFile("index.html", []byte(page), "no-cache"), assets: make(map[string]*file, len(files))}
	for name, body := range files {
		h.assets[Prefix+folder+name] = newFile(name, body, "public, max-age=31536000, immutable")
	}
	return h, nil
}

// read returns the files below a folder by their path there.
func read(from fs.FS, folder string) (map[string][]byte, error) {
	files := make(map[string][]byte)
	err := fs.WalkDir(from, folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(from, name)
		files[strings.TrimPrefix(name, folder+"/")] = body
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the built console: %w", err)
	}
	return files, nil
}

// digest tells one build from another.
func digest(files map[string][]byte) string {
	var sum [sha256.Size]byte
	for name, body := range files { // in any order: each is added
		one := sha256.Sum256(append([]byte(name+"\x00"), body...))
		for i := range sum {
			sum[i] ^= one[i]
		}
	}
	return hex.EncodeToString(sum[:8])
}

// newFile prepares an answer; it is compressed when it is first asked for.
func newFile(name string, body []byte, keep string) *file {
	sum := sha256.Sum256(body)
	kind := mime.TypeByExtension(path.Ext(name))
	switch path.Ext(name) { // what a machine's table may say otherwise
	case ".js":
		kind = "text/javascript; charset=utf-8"
	case ".css":
		kind = "text/css; charset=utf-8"
	case ".svg":
		kind = "image/svg+xml"
	case ".woff2":
		kind = "font/woff2"
	}
	return &file{
		body: body, kind: kind, etag: hex.EncodeToString(sum[:12]), keep: keep,
		squeeze: sync.OnceValue(func() []byte { return squeezed(body) }),
	}
}

// squeezed is the body compressed by gzip, or nil where that gains nothing.
func squeezed(body []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := w.Write(body); err != nil {
		return nil
	}
	if err := w.Close(); err != nil || out.Len() >= len(body) {
		return nil
	}
	return out.Bytes()
}

// ServeHTTP sends a file of the build, or the page for every other address:
// which of its views is meant, the page finds out itself.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the console is only read", http.StatusMethodNotAllowed)
		return
	}
	if strings.HasPrefix(r.URL.Path, Prefix+"_/") {
		f, ok := h.assets[r.URL.Path]
		if !ok { // of another build: the page loads itself anew
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "there is no such file in this version of the console; reload the page", http.StatusNotFound)
			return
		}
		f.serve(w, r)
		return
	}
	head := w.Header()
	head.Set("Content-Security-Policy", Policy)
	head.Set("Referrer-Policy", "same-origin")
	head.Set("X-Frame-Options", "DENY")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(self), payment=()")
	h.page.serve(w, r)
}

// serve sends the file, compressed to who takes that, and not again to who has it.
func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	body, etag := f.body, `"`+f.etag+`"`
	head := w.Header()
	head.Set("Vary", "Accept-Encoding")
	head.Set("Cache-Control", f.keep)
	head.Set("X-Content-Type-Options", "nosniff")
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		if small := f.squeeze(); small != nil {
			body, etag = small, `"`+f.etag+`-gzip"`
			head.Set("Content-Encoding", "gzip")
		}
	}
	head.Set("ETag", etag)
	for known := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if known = strings.TrimPrefix(strings.TrimSpace(known), "W/"); known == etag || known == "*" {
			head.Del("Content-Encoding")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	head.Set("Content-Type", f.kind)
	head.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method != http.MethodHead {
		_, _ = io.Copy(w, bytes.NewReader(body)) // a reader who left
	}
}

// takesGzip reads an Accept-Encoding header (RFC 9110, 12.5.3): gzip or *,
// unless with a weight of zero.
func takesGzip(header string) bool {
	takes := false
	for part := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		weight = strings.TrimSpace(weight)
		none := weight == "q=0" || strings.HasPrefix(weight, "q=0.") && strings.Trim(weight[4:], "0") == ""
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip":
			return !none
		case "*":
			takes = !none
		}
	}
	return takes
}
