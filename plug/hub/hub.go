package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// DefaultEndpoint is where a hub is when nobody says otherwise.
const DefaultEndpoint = "https://huggingface.co"

const (
	maxPage  = 16 << 20 // bytes of an answer that is not a file
	maxPages = 1000     // of a listing

	maxRedirects = 10
)

// Hub is a hub. Its methods may be called from several goroutines.
type Hub struct {
	endpoint *url.URL
	token    string
	client   *http.Client

	connections int
	piece       int64         // bytes
	pause       time.Duration // before the first repetition
	silence     time.Duration // after which a connection is given up
}

// New returns the hub at an endpoint ("" is DefaultEndpoint), asked with a token
// ("" is none) and by this client, whose time limits must allow for long answers.
func New(endpoint, token string, client *http.Client) (*Hub, error) {
	if endpoint == "" {
		endpoint = DefaultEndpoint
	}
	at, err := url.Parse(strings.TrimRight(endpoint, "/"))
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return nil, fmt.Errorf("%q is no address of a hub: want a URL such as %s", endpoint, DefaultEndpoint)
	}
	return &Hub{endpoint: at, token: token, client: client, connections: 8, piece: 16 << 20, pause: time.Second, silence: time.Minute}, nil
}

// Client returns a client for hubs. Each request has a connection of its own, by
// HTTP/1.1, as HTTP/2 would put all pieces of a file on one; the environment's proxy
// is taken; and a redirect never leads from HTTPS to HTTP.
func Client() *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	// A clone of http.DefaultTransport would not do: its TLS offers HTTP/2 all the same.
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			Protocols:             &protocols,
			TLSHandshakeTimeout:   30 * time.Second,
			ResponseHeaderTimeout: time.Minute,
			IdleConnTimeout:       time.Minute,
			MaxIdleConnsPerHost:   16,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) == maxRedirects {
				return &finalError{fmt.Errorf("more than %d redirects", maxRedirects)}
			}
			if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
				return &finalError{fmt.Errorf("a redirect leads from HTTPS to %s without it", r.URL.Host)}
			}
			return nil
		},
	}
}

// Endpoint is the hub's address.
func (h *Hub) Endpoint() string { return h.endpoint.String() }

// Repository is what a hub has under a name, at one commit.
type Repository struct {
	Name   string // ns/name
	Commit string
	Files  []File
}

// File is a file of a repository.
type File struct {
	Path   string
	Size   int64  // bytes
	SHA256 string // in hex; "" for small files outside of LFS
	oid    string // git's name of it, in hex
}

var (
	commit = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
	digest = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Repository lists a repository at a revision: a branch, tag or commit. Errors:
// *RefusedError.
func (h *Hub) Repository(ctx context.Context, name, revision string) (Repository, error) {
	r := Repository{Name: name}
	var info struct {
		SHA string `json:"sha"`
	}
	if _, err := h.ask(ctx, h.endpoint.JoinPath("api/models", name, "revision", revision), &info); err != nil {
		return r, fmt.Errorf("finding %s at %s: %w", name, revision, err)
	}
	if r.Commit = info.SHA; !commit.MatchString(r.Commit) {
		return r, fmt.Errorf("finding %s at %s: %s says that its commit is %q, which is none: is it a hub?", name, revision, h.endpoint, r.Commit)
	}
	next := h.endpoint.JoinPath("api/models", name, "tree", r.Commit)
	next.RawQuery = "recursive=true"
	for pages := 0; next != nil; pages++ {
		if pages == maxPages {
			return r, fmt.Errorf("listing %s: more than %d pages", name, maxPages)
		}
		var page []entry
		header, err := h.ask(ctx, next, &page)
		if err != nil {
			return r, fmt.Errorf("listing %s: %w", name, err)
		}
		for _, e := range page {
			if e.Type == "file" {
				r.Files = append(r.Files, e.file())
			}
		}
		if next, err = h.following(next, header); err != nil {
			return r, fmt.Errorf("listing %s: %w", name, err)
		}
	}
	return r, nil
}

// entry is one of a tree's.
type entry struct {
	Type, Path, OID string
	Size            int64
	LFS             *struct {
		OID  string
		Size int64
	}
}

func (e *entry) file() File {
	f := File{Path: e.Path, Size: e.Size, oid: e.OID}
	if e.LFS != nil {
		f.Size = e.LFS.Size
		if digest.MatchString(e.LFS.OID) {
			f.SHA256 = e.LFS.OID
		}
	}
	return f
}

var following = regexp.MustCompile(`<([^<>]+)>\s*;\s*rel="?next"?`)

// following is where a listing goes on (RFC 8288); nil at its end. It must be on
// the hub: the token goes with it.
func (h *Hub) following(page *url.URL, header http.Header) (*url.URL, error) {
	m := following.FindStringSubmatch(strings.Join(header.Values("Link"), ", "))
	if m == nil {
		return nil, nil
	}
	next, err := page.Parse(m[1])
	if err != nil {
		return nil, fmt.Errorf("its next page is at %q: %w", m[1], err)
	}
	if next.Scheme != h.endpoint.Scheme || next.Host != h.endpoint.Host {
		return nil, fmt.Errorf("its next page is at %s, which is another server than %s", next.Host, h.endpoint.Host)
	}
	return next, nil
}

// ask gets a URL's JSON, again where that may help.
func (h *Hub) ask(ctx context.Context, at *url.URL, into any) (http.Header, error) {
	var header http.Header
	err := h.persist(ctx, func(ctx context.Context) (bool, error) {
		resp, err := h.get(ctx, at, nil)
		if err != nil {
			return false, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return false, h.refused(resp)
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage+1))
		if err != nil {
			return false, fmt.Errorf("reading the hub's answer: %w", err)
		}
		if len(body) > maxPage {
			return false, &finalError{fmt.Errorf("the hub's answer has more than %d bytes", maxPage)}
		}
		if err := json.Unmarshal(body, into); err != nil {
			return false, &finalError{fmt.Errorf("%s does not answer as a hub does: %w", at.Host, err)}
		}
		header = resp.Header
		return true, nil
	})
	return header, err
}

// get sends a request. The token stays with the hub: the client leaves it out of
// redirects to other hosts.
func (h *Hub) get(ctx context.Context, at *url.URL, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("asking the hub: %w", err)
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Accept-Encoding", "identity") // ranges are of the file, and not of its compression
	req.Header.Set("User-Agent", "sluice")
	if h.token != "" {
		req.Header.Set("Authorization", "Bearer "+h.token)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err // its URL may be signed
		}
		return nil, fmt.Errorf("asking %s: %w", at.Host, err)
	}
	return resp, nil
}
