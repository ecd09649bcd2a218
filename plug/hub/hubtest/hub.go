// Package hubtest is a hub for tests, which speaks Hugging Face's protocol and
// misbehaves when it is told to.
package hubtest

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Commit is that of every repository, at the revision "main".
const Commit = "0123456789abcdef0123456789abcdef01234567"

// Hub is a hub with one repository.
type Hub struct {
	URL string

	mu       sync.Mutex
	name     string
	files    map[string][]byte
	digests  map[string]string
	asked    []*http.Request
	sent     int64 // bytes of files
	before   func(w http.ResponseWriter, r *http.Request) bool
	pageSize int
}

// New starts a hub with a repository of files, until the test ends.
func New(t testing.TB, name string, files map[string][]byte) *Hub {
	h, stop := Start(name, files)
	t.Cleanup(stop)
	return h
}

// Start starts a hub with a repository of files, until stop is called.
func Start(name string, files map[string][]byte) (h *Hub, stop func()) {
	h = &Hub{name: name, files: files, digests: map[string]string{}, pageSize: 2}
	for path, data := range files {
		h.digests[path] = Digest(data)
	}
	server := httptest.NewUnstartedServer(h)
	h.URL = "http://" + server.Listener.Addr().String()
	server.Start()
	return h, server.Close
}

// Secure has the hub speak HTTPS, with HTTP/2 for who offers it, until the test
// ends; it returns who vouches for it.
func (h *Hub) Secure(t testing.TB) *x509.CertPool {
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	h.URL = "https://" + server.Listener.Addr().String()
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return roots
}

// Before has f see every request first; it returns true when it has answered.
func (h *Hub) Before(f func(w http.ResponseWriter, r *http.Request) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.before = f
}

// Asked are the requests so far.
func (h *Hub) Asked() []*http.Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.asked)
}

// Sent is how many bytes of files were sent.
func (h *Hub) Sent() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sent
}

// ServeHTTP implements [http.Handler].
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.asked = append(h.asked, r)
	before := h.before
	h.mu.Unlock()
	if before != nil && before(w, r) {
		return
	}
	if rest, api := strings.CutPrefix(r.URL.Path, "/api/models/"+h.name+"/"); api {
		h.serveAPI(w, r, rest)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/api/") {
		h.missing(w, "RepoNotFound")
		return
	}
	path, is := strings.CutPrefix(r.URL.Path, "/"+h.name+"/resolve/"+Commit+"/")
	data, there := h.files[path]
	if !is || !there {
		h.missing(w, "EntryNotFound")
		return
	}
	w.Header().Set("X-Repo-Commit", Commit)
	w.Header().Set("ETag", fmt.Sprintf("%q", h.digests[path]))
	http.ServeContent(&counting{w, h}, r, "", time.Time{}, bytes.NewReader(data))
}

// counting counts the bytes of files.
type counting struct {
	http.ResponseWriter
	hub *Hub
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.hub.mu.Lock()
	c.hub.sent += int64(n)
	c.hub.mu.Unlock()
	return n, err
}

func (h *Hub) missing(w http.ResponseWriter, code string) {
	w.Header().Set("X-Error-Code", code)
	w.WriteHeader(http.StatusNotFound)
}

func (h *Hub) serveAPI(w http.ResponseWriter, r *http.Request, rest string) {
	switch rest {
	case "revision/main", "revision/" + Commit:
		_ = json.NewEncoder(w).Encode(map[string]any{"id": h.name, "sha": Commit}) // the test sees what is missing
	case "tree/" + Commit:
		h.serveTree(w, r)
	default:
		h.missing(w, "RevisionNotFound")
	}
}

// serveTree lists files, a few on a page.
func (h *Hub) serveTree(w http.ResponseWriter, r *http.Request) {
	type lfs struct {
		OID  string `json:"oid"`
		Size int    `json:"size"`
	}
	type entry struct {
		Type string `json:"type"`
		Path string `json:"path"`
		Size int    `json:"size"`
		OID  string `json:"oid"`
		LFS  *lfs   `json:"lfs,omitempty"`
	}
	var names []string
	for name := range h.files {
		names = append(names, name)
	}
	slices.Sort(names)
	first := 0
	_, _ = fmt.Sscan(r.URL.Query().Get("cursor"), &first) // absent: the first page
	page := []entry{}
	for _, name := range names[first:min(first+h.pageSize, len(names))] {
		data := h.files[name]
		page = append(page, entry{"file", name, len(data), strings.Repeat("0", 40), &lfs{h.digests[name], len(data)}})
	}
	if next := first + h.pageSize; next < len(names) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?recursive=true&cursor=%d>; rel="next"`, h.URL, r.URL.Path, next))
	}
	_ = json.NewEncoder(w).Encode(page) // the test sees what is missing
}

// Digest is the SHA-256 of data, in hex.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
