package fleet

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"sluice"
)

// dialFunc is the form of net.Dialer.DialContext.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// client speaks HTTP/1.1 to one engine.
type client struct {
	address  string // "host:port"
	prefix   string // of all paths
	common   string // of every head, from behind the path
	tls      *tls.Config
	dial     dialFunc
	openings map[string]string // by path: the head of the request up to what changes
	timeouts Timeouts
	report   func(error) // told of every failure
	pool     pool
}

// newClient makes a client for the root URL that ParseURL gave.
func newClient(root *url.URL, secret string, o Options, timeouts Timeouts, report func(error)) (*client, error) {
	if strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, sluice.Errorf(sluice.CodeInvalid, "the engine's secret has characters that cannot stand in a header")
	}
	port := root.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[root.Scheme]
	}
	t := &client{
		address:  net.JoinHostPort(root.Hostname(), port),
		dial:     o.Dial,
		openings: make(map[string]string),
		timeouts: timeouts,
		report:   report,
		pool:     pool{most: o.IdleConns, ttl: o.IdleTimeout},
	}
	if root.Scheme == "https" {
		t.tls = o.TLS.Clone()
		if t.tls == nil {
			t.tls = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		if t.tls.ServerName == "" {
			t.tls.ServerName = root.Hostname()
		}
		t.tls.NextProtos = []string{"http/1.1"}
	}
	t.prefix = strings.TrimSuffix(root.EscapedPath(), "/")
	t.common = " HTTP/1.1\r\nHost: " + root.Host + "\r\nUser-Agent: sluice\r\nAccept-Encoding: identity\r\n"
	if secret != "" {
		t.common += "Authorization: Bearer " + secret + "\r\n"
	}
	for _, path := range paths() {
		verb, _ := method(path)
		t.openings[path] = t.opening(verb, path, "application/json")
	}
	return t, nil
}

// opening is how the head of a request begins, up to what differs from call to call.
func (t *client) opening(verb, path, contentType string) string {
	head := verb + " " + t.prefix + path + t.common
	if verb == "POST" {
		head += "Content-Type: " + contentType + "\r\n"
	}
	return head
}

// openingOf returns the opening of a call: ready for those that make up nearly
// all, and written now for a form or for the path of one object.
func (t *client) openingOf(req *sluice.EngineRequest) (string, error) {
	ready, ok := t.openings[req.Path]
	if ok && req.ContentType == "" {
		return ready, nil
	}
	verb, ok := method(req.Path)
	if !ok {
		return "", sluice.Errorf(sluice.CodeInternal, "path %q is not asked of engines", req.Path)
	}
	if !printable([]byte(req.ContentType)) {
		return "", sluice.Errorf(sluice.CodeInternal, "content type %q cannot stand in a header", req.ContentType)
	}
	return t.opening(verb, req.Path, cmp.Or(req.ContentType, "application/json")), nil
}

// errUnanswered marks a connection that failed before any byte of the answer. On
// a kept connection the engine most likely closed it while idle, and the call is
// sent once more on a fresh one.
var errUnanswered = errors.New("the connection ended before any answer")

// errUnreachable marks that nobody took the connection.
var errUnreachable = errors.New("nobody listens")

// unreached is the failure to connect, as errUnreachable.
type unreached struct{ error }

func (e unreached) Unwrap() error     { return e.error }
func (e unreached) Is(err error) bool { return err == errUnreachable }

func (t *client) send(ctx context.Context, req *sluice.EngineRequest) (*sluice.EngineReply, error) {
	opening, err := t.openingOf(req)
	if err != nil {
		return nil, err
	}
	if !isToken([]byte(req.CallID)) {
		return nil, sluice.Errorf(sluice.CodeInternal, "call id %q cannot stand in a header", req.CallID)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c := t.pool.get(time.Now()); c != nil {
		reply, err := t.exchange(ctx, c, opening, req)
		switch {
		case err == nil:
			return reply, nil
		case !errors.Is(err, errUnanswered) || ctx.Err() != nil:
			return nil, failure(ctx, t.report, "asking the engine", err)
		}
	}
	c, err := t.connect(ctx)
	if err != nil {
		return nil, failure(ctx, t.report, "connecting to "+t.address, err)
	}
	reply, err := t.exchange(ctx, c, opening, req)
	if err != nil {
		return nil, failure(ctx, t.report, "asking the engine", err)
	}
	return reply, nil
}

// connect dials the engine and, for https, shakes hands.
func (t *client) connect(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeouts.Dial)
	defer cancel()
	nc, err := t.dial(ctx, "tcp", t.address)
	if err != nil {
		return nil, unreached{err}
	}
	if t.tls == nil {
		return newConn(nc, nc), nil
	}
	secure := tls.Client(nc, t.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return newConn(secure, nc), nil
}

// exchange carries one call over the connection, which from here on belongs
// to the reply's body. It fails with errUnanswered when not one byte of an answer came.
func (t *client) exchange(ctx context.Context, c *conn, opening string, req *sluice.EngineRequest) (*sluice.EngineReply, error) {
	x := &struct {
		reply sluice.EngineReply
		body  body
	}{}
	x.body = body{ctx: ctx, client: t, conn: c}
	if ctx.Done() != nil {
		x.body.stop = context.AfterFunc(ctx, c.abort)
	}
	h, written, err := t.roundTrip(c, opening, req)
	if err != nil {
		_ = x.body.Close()
		return nil, err
	}
	x.body.begin(h, written)
	x.reply = sluice.EngineReply{
		Status:       h.status,
		ContentType:  h.contentType,
		RetryAfter:   h.retryAfter,
		Body:         &x.body,
		PromptTokens: h.prompt,
		CachedTokens: h.cached,
	}
	return &x.reply, nil
}

// roundTrip writes the request and reads the head of the answer. An engine
// may answer (413, say) and close before it has read everything: then written is
// false and the answer counts all the same.
func (t *client) roundTrip(c *conn, opening string, req *sluice.EngineRequest) (h head, written bool, err error) {
	now := time.Now()
	if err := errors.Join(c.writeBy.give(now, t.timeouts.Idle), c.readBy.give(now, t.timeouts.Header)); err != nil {
		return h, false, err
	}
	writeErr := c.write(opening, req.CallID, req.Body)
	if writeErr != nil {
		if err := c.readBy.put(time.Now().Add(time.Second)); err != nil {
			return h, false, err
		}
	}
	h, began, err := c.readHead()
	switch {
	case err == nil:
		return h, writeErr == nil, nil
	case writeErr != nil:
		err = writeErr
	}
	if !began && !timedOut(err) {
		err = fmt.Errorf("%w: %w", errUnanswered, err)
	}
	return h, false, err
}

func (t *client) expire(now time.Time) { t.pool.expire(now) }

func (t *client) close() { t.pool.close() }
