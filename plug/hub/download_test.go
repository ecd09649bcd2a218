package hub

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/plug/hub/hubtest"
)

const (
	repo = "house/Tiny-GGUF"
	tiny = "tiny-Q8_0.gguf"
)

// content is a file that no two parts of are alike.
func content(n int) []byte {
	data := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(data) // never fails
	return data
}

// quick is a hub that is asked for small pieces and waits little.
func quick(t testing.TB, at *hubtest.Hub) *Hub {
	t.Helper()
	h, err := New(at.URL, "", Client())
	if err != nil {
		t.Fatal(err)
	}
	h.piece, h.pause, h.connections = 100_000, time.Millisecond, 4
	return h
}

// listed is what the hub says of its repository and the file.
func listed(t testing.TB, h *Hub) (Repository, File) {
	t.Helper()
	r, err := h.Repository(t.Context(), repo, "main")
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.Choose(Reference{File: tiny})
	if err != nil {
		t.Fatal(err)
	}
	return r, f
}

// fetch downloads the file and holds it against data.
func fetch(t testing.TB, h *Hub, into string, data []byte) {
	t.Helper()
	r, f := listed(t, h)
	var last Progress
	digest, err := h.Download(t.Context(), r, f, into, func(p Progress) {
		if p.Stage == last.Stage && p.Done < last.Done && p.Done != 0 || p.Done > p.Size {
			t.Errorf("after %+v comes %+v", last, p)
		}
		last = p
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(into)
	if err != nil || !bytes.Equal(got, data) || digest != hubtest.Digest(data) {
		t.Errorf("%d bytes came (%v), digest %s, of %d with %s", len(got), err, digest, len(data), hubtest.Digest(data))
	}
	if want := (Progress{Verifying, int64(len(data)), int64(len(data))}); last != want {
		t.Errorf("at last %+v, want %+v", last, want)
	}
	if _, err := os.Stat(into + noteSuffix); err == nil {
		t.Error("the note is still there")
	}
}

func TestDownload(t *testing.T) {
	for _, n := range []int{1, 99_999, 100_000, 100_001, 1_234_567} {
		data := content(n)
		at := hubtest.New(t, repo, map[string][]byte{tiny: data})
		fetch(t, quick(t, at), filepath.Join(t.TempDir(), "f"), data)
		if at.Sent() != int64(n) {
			t.Errorf("%d bytes were sent of %d", at.Sent(), n)
		}
	}
}

// TestTroubles: what a network and a mirror do, and the file is right all the same.
func TestTroubles(t *testing.T) {
	data := content(1_000_000)
	isFile := func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/resolve/") }
	var calls atomic.Int64
	cut := func(w http.ResponseWriter, r *http.Request) bool { // after some bytes
		if !isFile(r) || calls.Add(1)%3 != 0 {
			return false
		}
		var at, end int
		_, _ = sscanRange(r.Header.Get("Range"), &at, &end)
		w.Header().Set("Content-Range", contentRangeOf(at, end, len(data)))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(data[at : at+(end-at)/2])
		panic(http.ErrAbortHandler)
	}
	for name, before := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"connections that break off": cut,
		"too many requests": func(w http.ResponseWriter, _ *http.Request) bool {
			if calls.Add(1) >= tries { // so that none is refused too often
				return false
			}
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		},
		"errors of the server": func(w http.ResponseWriter, _ *http.Request) bool {
			if calls.Add(1) >= tries {
				return false
			}
			w.WriteHeader(http.StatusBadGateway)
			return true
		},
		"no ranges": func(w http.ResponseWriter, r *http.Request) bool {
			if !isFile(r) {
				return false
			}
			if calls.Add(1) < tries/2 { // and break off, too
				_, _ = w.Write(data[:len(data)/2])
				panic(http.ErrAbortHandler)
			}
			_, _ = w.Write(data)
			return true
		},
		"connections that fall silent": func(w http.ResponseWriter, r *http.Request) bool {
			if !isFile(r) || calls.Add(1)%4 != 0 {
				return false
			}
			<-r.Context().Done()
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			at := hubtest.New(t, repo, map[string][]byte{tiny: data})
			h := quick(t, at)
			h.silence = 300 * time.Millisecond
			calls.Store(0)
			at.Before(before)
			fetch(t, h, filepath.Join(t.TempDir(), "f"), data)
		})
	}
}

// TestRedirect: files lie on another server, which must not see the token.
func TestRedirect(t *testing.T) {
	data := content(300_000)
	files := hubtest.New(t, repo, map[string][]byte{tiny: data})
	at := hubtest.New(t, repo, map[string][]byte{tiny: data})
	elsewhere := strings.Replace(files.URL, "127.0.0.1", "localhost", 1)
	at.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/resolve/") {
			return false
		}
		http.Redirect(w, r, elsewhere+r.URL.Path, http.StatusFound)
		return true
	})
	h := quick(t, at)
	h.token = "hf_secret"
	fetch(t, h, filepath.Join(t.TempDir(), "f"), data)
	for _, r := range at.Asked() {
		if r.Header.Get("Authorization") != "Bearer hf_secret" {
			t.Errorf("%s has no token", r.URL)
		}
	}
	for _, r := range files.Asked() {
		if r.Header.Get("Authorization") != "" {
			t.Error("the other server got the token")
		}
	}
	if files.Sent() != int64(len(data)) {
		t.Errorf("%d bytes came from the other server", files.Sent())
	}
}

// TestSecure: a hub that speaks HTTP/2 to who wants it gets a connection for each
// piece, and does not lead to a server without TLS.
func TestSecure(t *testing.T) {
	data := content(1_000_000)
	at := hubtest.New(t, repo, map[string][]byte{tiny: data})
	plain := at.URL
	roots := at.Secure(t)
	h := quick(t, at)
	h.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots}
	fetch(t, h, filepath.Join(t.TempDir(), "f"), data)
	for _, r := range at.Asked() {
		if r.ProtoMajor != 1 {
			t.Errorf("%s came by %s", r.URL, r.Proto)
		}
	}
	at.Before(func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, plain+r.URL.Path, http.StatusFound)
		return true
	})
	before := len(at.Asked())
	if _, err := h.Repository(t.Context(), repo, "main"); err == nil || !strings.Contains(err.Error(), "leads from HTTPS") {
		t.Errorf("a redirect to HTTP: %v", err)
	}
	if asked := len(at.Asked()) - before; asked != 1 {
		t.Errorf("%d requests, want one", asked)
	}
}

// TestLostPart: the note of pieces is there, and the file that they are in is not.
func TestLostPart(t *testing.T) {
	data := content(500_000)
	at := hubtest.New(t, repo, map[string][]byte{tiny: data})
	h := quick(t, at)
	_, f := listed(t, h)
	into := filepath.Join(t.TempDir(), "f")
	n := note{into + noteSuffix, kept{SHA256: f.SHA256, OID: f.oid, Size: f.Size, Piece: h.piece}}
	if err := n.add(0); err != nil {
		t.Fatal(err)
	}
	if begun := h.Begun(f, into); begun != 0 {
		t.Errorf("%d bytes of no file", begun)
	}
	fetch(t, h, into, data)
}

// TestResume: a run that is stopped is gone on with, and what is there is not
// fetched again; what a run of another file left is not used.
func TestResume(t *testing.T) {
	data := content(1_000_000)
	at := hubtest.New(t, repo, map[string][]byte{tiny: data})
	h := quick(t, at)
	h.connections = 1
	into := filepath.Join(t.TempDir(), "f")
	r, f := listed(t, h)
	ctx, stop := context.WithCancel(t.Context())
	if _, err := h.Download(ctx, r, f, into, func(p Progress) {
		if p.Done >= 550_000 {
			stop()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: %v", err)
	}
	begun := h.Begun(f, into)
	if begun < 500_000 || begun == int64(len(data)) {
		t.Errorf("%d bytes are there", begun)
	}
	before := len(at.Asked())
	fetch(t, h, into, data)
	for _, r := range at.Asked()[before:] {
		var first, end int
		if _, err := sscanRange(r.Header.Get("Range"), &first, &end); err == nil && int64(first) < begun {
			t.Errorf("%d bytes were there, and those from %d on were asked for", begun, first)
		}
	}

	// The same path, and a note of another file.
	if err := os.WriteFile(into+noteSuffix, []byte(`{"sha256":"00","size":1000000,"piece":100000,"done":[0,1,2]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(into, make([]byte, len(data)), 0o600); err != nil {
		t.Fatal(err)
	}
	fetch(t, h, into, data)
}

// TestWrongFile: a mirror whose file has the right length and the wrong content.
func TestWrongFile(t *testing.T) {
	data := content(500_000)
	at := hubtest.New(t, repo, map[string][]byte{tiny: data})
	h := quick(t, at)
	r, f := listed(t, h)
	data[400_000]++ // of the hub, after it was listed
	into := filepath.Join(t.TempDir(), "f")
	_, err := h.Download(t.Context(), r, f, into, func(Progress) {})
	if wrong, ok := errors.AsType[*DigestError](err); !ok || wrong.Path != tiny {
		t.Fatalf("a wrong file: %v", err)
	}
	if left, _ := filepath.Glob(into + "*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	data[400_000]--
	fetch(t, h, into, data)

	f.Size++ // another length
	if _, err := h.Download(t.Context(), r, f, into, func(Progress) {}); err == nil || !strings.Contains(err.Error(), "that the hub lists with 500001 bytes") {
		t.Errorf("a wrong length: %v", err)
	}
}

// TestGivesUp: trouble that stays is told, and at once where asking again is vain.
func TestGivesUp(t *testing.T) {
	at := hubtest.New(t, repo, map[string][]byte{tiny: content(1000)})
	h := quick(t, at)
	r, f := listed(t, h)
	for status, want := range map[int]string{
		http.StatusServiceUnavailable: "gave up after 6 tries: the hub answers 503 Service Unavailable",
		http.StatusForbidden:          "does not have it, or not for everybody (403)",
		http.StatusTeapot:             "answers 418",
	} {
		at.Before(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(status); return true })
		before := len(at.Asked())
		_, err := h.Download(t.Context(), r, f, filepath.Join(t.TempDir(), "f"), func(Progress) {})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v", status, err)
		}
		if asked := len(at.Asked()) - before; asked != 1 && status != http.StatusServiceUnavailable {
			t.Errorf("%d: asked %d times", status, asked)
		}
	}
}

// BenchmarkDownload is the speed of a download with its verification, on this
// machine's loopback, beside one plain GET of the same file into a file.
func BenchmarkDownload(b *testing.B) {
	const size = 256 << 20
	at := hubtest.New(b, repo, map[string][]byte{tiny: content(size)})
	h, err := New(at.URL, "", Client())
	if err != nil {
		b.Fatal(err)
	}
	r, f := listed(b, h)
	b.Run("pieces and digest", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			if _, err := h.Download(b.Context(), r, f, filepath.Join(b.TempDir(), "f"), func(Progress) {}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("plain GET", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			resp, err := http.Get(at.URL + "/" + repo + "/resolve/" + hubtest.Commit + "/" + tiny)
			if err != nil {
				b.Fatal(err)
			}
			out, err := os.Create(filepath.Join(b.TempDir(), "f"))
			if err != nil {
				b.Fatal(err)
			}
			_, err = io.Copy(out, resp.Body)
			if err := errors.Join(err, resp.Body.Close(), out.Close()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
