// Package client speaks to a server's management API: over TCP with an API
// key, or over the Unix socket in its data folder without one.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice"
	"sluice/api"
)

// maxAnswer bounds the answer that is read.
const maxAnswer = 64 << 20

// Client calls one server. It is safe for concurrent use.
//
// Every method returns a *sluice.Error with the server's code when the server
// refuses, and CodeUnavailable when it cannot be reached.
type Client struct {
	root string // without a slash at its end
	key  string
	http *http.Client

	// Careful has changes of what this client has read go through only if nobody else
	// changed it since: the error has the code "changed" then. For who reads and changes
	// at once, and not for a client that lives long.
	Careful bool
	read    sync.Map // entity tags (string) by the paths (string) that were read and not changed since
}

// New returns a client for the server at an http or https URL, such as
// "http://127.0.0.1:8080". Errors: CodeInvalid.
func New(server, key string) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, sluice.Errorf(sluice.CodeInvalid, "The server %q is no URL that begins with http:// or https://.", server)
	}
	return &Client{root: strings.TrimRight(server, "/"), key: key, http: &http.Client{CheckRedirect: stay}}, nil
}

// Local returns a client for the server behind a Unix socket, as the local operator.
func Local(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &Client{root: "http://local", http: &http.Client{CheckRedirect: stay, Transport: &http.Transport{DialContext: dial}}}
}

// stay follows no redirect: the API makes none, and one would carry the key elsewhere.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// call sends a request with in as its JSON body, unless in is nil, and reads
// the answer into out, unless that is nil.
func (c *Client) call(ctx context.Context, method, path string, header http.Header, in, out any) error {
	data, err := c.ask(ctx, method, path, header, in)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	return nil
}

// ask sends a request and returns the answer's body.
func (c *Client) ask(ctx context.Context, method, path string, header http.Header, in any) ([]byte, error) {
	resp, err := c.open(ctx, method, path, header, in)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	return data, nil
}

// open sends a request and returns the answer, which is no error, with its body
// to be read and closed.
func (c *Client) open(ctx context.Context, method, path string, header http.Header, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("writing the request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.root+"/api/v1"+path, body)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	maps.Copy(req.Header, header)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if tag, ok := c.read.Load(path); ok && c.Careful && method != http.MethodGet && method != http.MethodPost {
		req.Header.Set("If-Match", tag.(string))
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	if tag := resp.Header.Get("ETag"); tag != "" && method == http.MethodGet {
		c.read.Store(path, tag)
	} else if method != http.MethodGet {
		c.read.Delete(path)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	return nil, refusal(resp, data)
}

// unreachable is the error for a server that did not answer.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	cause := err
	if u, ok := errors.AsType[*url.Error](err); ok {
		cause = u.Err // without the URL
	}
	return &sluice.Error{Code: sluice.CodeUnavailable, Message: fmt.Sprintf("The server cannot be reached: %v.", cause), Err: err}
}

// refusal reads an error answer.
func refusal(resp *http.Response, data []byte) error {
	var p api.Problem
	if err := json.Unmarshal(data, &p); err != nil || p.Code == "" {
		return sluice.Errorf(sluice.CodeInternal, "The server answered %s, and not as the management API does.", resp.Status)
	}
	e := &sluice.Error{Code: sluice.Code(p.Code), Message: p.Detail, Param: p.Param}
	for _, f := range p.Errors {
		e.Message += fmt.Sprintf("\n  %s: %s", f.Location, f.Message)
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	return e
}

// get asks for one object.
func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	var out T
	err := c.call(ctx, http.MethodGet, path, nil, nil, &out)
	return out, err
}

// send sends a body and reads an object.
func send[T any](ctx context.Context, c *Client, method, path string, in any) (T, error) {
	var out T
	err := c.call(ctx, method, path, nil, in, &out)
	return out, err
}

// query appends the parameters that are not empty to a path.
func query(path string, values map[string]string) string {
	q := url.Values{}
	for name, value := range values {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// paging writes a part of a list as parameters, beside others.
func paging(p api.Paging, values map[string]string) map[string]string {
	if values == nil {
		values = map[string]string{}
	}
	values["cursor"] = p.Cursor
	if p.Limit != 0 {
		values["limit"] = strconv.Itoa(p.Limit)
	}
	return values
}
