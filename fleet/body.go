package fleet

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// framing is how a body's end is told (RFC 9112, 6.3).
type framing uint8

const (
	sized      framing = iota // by its content-length
	inChunks                  // by the chunked coding
	untilClose                // by the connection's end
)

// The states of a body. It leaves the first one exactly once, and who makes
// it leave disposes of the connection.
const (
	bodyOpen int32 = iota
	bodyEnded
	bodyClosed
)

// body is the body of one answer. One goroutine reads it; Close may come
// from another at any time.
type body struct {
	ctx    context.Context
	stop   func() bool // takes back the abort on cancellation; nil without one
	client *client
	conn   *conn

	framing framing
	left    int64 // of a sized body
	chunks  chunkDecoder
	keep    bool // the connection may carry another call

	state atomic.Int32
	err   error // of the last Read, for the next
}

// begin takes the framing from the head. A body of no length has ended already.
func (b *body) begin(h head, written bool) {
	b.keep = written && !h.close
	switch {
	case h.status == 204 || h.status == 304:
		b.framing, b.left = sized, 0
	case h.chunked:
		b.framing = inChunks
	case h.length >= 0:
		b.framing, b.left = sized, h.length
	default:
		b.framing, b.keep = untilClose, false
	}
	if b.framing == sized && b.left == 0 {
		b.end()
	}
}

// Read reads what has arrived, without waiting to fill p. Its error is
// io.EOF at the body's proper end, a *sluice.Error with CodeEngineFailed or
// CodeTimeout when the engine broke off or stalled, or the context's error.
func (b *body) Read(p []byte) (int, error) {
	if b.err == nil && b.state.Load() == bodyClosed {
		b.err = closedError(b.ctx)
	}
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	for {
		n, err := b.next(p)
		if err != nil && !errors.Is(err, io.EOF) {
			err = b.fail(err)
		}
		b.err = err
		if n > 0 {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// next does one read and takes the framing off. It may give no data and no
// error, when only framing has arrived.
func (b *body) next(p []byte) (int, error) {
	n, err := b.conn.read(p, b.client.timeouts.Idle)
	switch {
	case b.framing == untilClose && errors.Is(err, io.EOF):
		b.end()
		return 0, io.EOF
	case err != nil:
		return 0, cut(err)
	}
	switch b.framing {
	case sized:
		data := min(int64(n), b.left)
		b.left -= data
		if b.left == 0 {
			b.keep = b.keep && int(data) == n
			b.end()
			return int(data), io.EOF
		}
	case inChunks:
		data, used, err := b.chunks.decode(p[:n])
		if err != nil {
			return data, err
		}
		if b.chunks.state == chunkEnd {
			b.keep = b.keep && used == n
			b.end()
			return data, io.EOF
		}
		return data, nil
	}
	return n, nil
}

// end gives the connection back. Bytes beyond the body, or a cancellation
// that has begun, forbid to use it again.
func (b *body) end() {
	b.err = io.EOF
	if !b.state.CompareAndSwap(bodyOpen, bodyEnded) {
		return
	}
	silent := b.stop == nil || b.stop()
	if b.keep && silent && len(b.conn.buf) == 0 {
		b.client.pool.put(b.conn, time.Now())
	} else {
		b.conn.net.Close()
	}
}

// fail closes the connection and returns the error for the caller.
func (b *body) fail(err error) error {
	if b.state.Load() == bodyClosed {
		return closedError(b.ctx)
	}
	err = failure(b.ctx, b.client.report, "reading the engine's answer", err)
	_ = b.Close()
	return err
}

// Close ends the call. Before the body's end it closes the connection, by
// which the engine knows that nobody listens.
func (b *body) Close() error {
	if b.state.CompareAndSwap(bodyOpen, bodyClosed) {
		if b.stop != nil {
			b.stop()
		}
		b.conn.net.Close()
	}
	return nil
}

// closedError is what reading after Close gives.
func closedError(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return errClosed
}

var _ io.ReadCloser = (*body)(nil)
