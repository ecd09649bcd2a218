package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/api/client"
)

// TestBoth asks the same server over the Unix socket and over TCP.
func TestBoth(t *testing.T) {
	w := apitest.New(t)
	me, err := w.Local.Me(t.Context())
	if err != nil || me != (api.Me{Role: sluice.RoleOwner, Local: true}) {
		t.Errorf("over the socket: %+v, %v", me, err)
	}
	org := w.Org("a")
	k := w.Key(sluice.RoleDeveloper, org.ID)
	me, err = w.Client(k.Secret).Me(t.Context())
	if err != nil || me != (api.Me{Role: sluice.RoleDeveloper, Key: k.ID, Organisation: org.ID}) {
		t.Errorf("over TCP: %+v, %v", me, err)
	}
	if got, err := w.Client(k.Secret).Organisation(t.Context(), org.ID); err != nil || got.Name != "a" {
		t.Errorf("its organisation: %+v, %v", got, err)
	}
	if v, err := w.Client(k.Secret).Version(t.Context()); err != nil || v.Version != "test" || !strings.HasPrefix(v.Go, "go") {
		t.Errorf("the version: %+v, %v", v, err)
	}
}

// TestErrors checks that the server's errors arrive with their codes, fields and all.
func TestErrors(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	_, err := w.Client("").Me(ctx)
	if sluice.CodeOf(err) != sluice.CodeUnauthenticated {
		t.Errorf("without a key: %v", err)
	}
	_, err = w.Local.Organisation(ctx, "a/../b?c#d")
	if sluice.CodeOf(err) != sluice.CodeNotFound || !strings.Contains(err.Error(), "a/../b?c#d") {
		t.Errorf("an id with everything in it: %v", err)
	}
	_, err = w.Local.CreateOrganisation(ctx, api.CreateOrganisation{Name: "a", Currency: "dollars"})
	if sluice.CodeOf(err) != sluice.CodeInvalid || !strings.Contains(err.Error(), "body.currency") {
		t.Errorf("a field at fault: %v", err)
	}
	_, err = w.Local.CreateKey(ctx, api.CreateKey{})
	var e *sluice.Error
	if !errors.As(err, &e) || e.Param != "organisation" {
		t.Errorf("a parameter at fault: %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	gone := client.Local(filepath.Join(t.TempDir(), "socket"))
	if _, err := gone.Me(t.Context()); sluice.CodeOf(err) != sluice.CodeUnavailable {
		t.Errorf("no socket: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := gone.Me(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who left: %v", err)
	}
	for _, server := range []string{"", "localhost:80", "ftp://localhost", "http://", "http://[::1"} {
		if _, err := client.New(server, ""); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("server %q: %v", server, err)
		}
	}
}

// TestStrangers asks servers that are no Sluice.
func TestStrangers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header string
		body   string
		want   sluice.Code
	}{
		"a page":            {404, "", "<html>", sluice.CodeInternal},
		"another problem":   {404, "", `{"title":"no"}`, sluice.CodeInternal},
		"a page with 200":   {200, "", "<html>", sluice.CodeInternal},
		"ours, with a wait": {429, "7", `{"code":"rate_limited","detail":"Slow down."}`, sluice.CodeRateLimited},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if c.header != "" {
				w.Header().Set("Retry-After", c.header)
			}
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		cl, err := client.New(server.URL+"/", "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = cl.Me(t.Context())
		if sluice.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if e := sluice.ErrorOf(err); c.header != "" && e.RetryAfter != 7*time.Second {
			t.Errorf("%s: retry after %v", name, e.RetryAfter)
		}
		server.Close()
	}
}

// TestRedirect checks that a key is not carried to another server.
func TestRedirect(t *testing.T) {
	var got string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") }))
	defer other.Close()
	here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	defer here.Close()
	c, err := client.New(here.URL, "sk-secret")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Me(t.Context()); err == nil || got != "" {
		t.Errorf("followed with %q, %v", got, err)
	}
}
