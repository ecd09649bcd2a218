package gateway

import (
	"net/http"
	"sync"
	"time"

	"sluice/wire/sse"
)

// writeTimeout is how long a client may take to accept bytes before it counts
// as gone. The deadline is renewed in steps, since each renewal costs.
const (
	writeTimeout = 60 * time.Second
	writeRenewal = 15 * time.Second
)

// client is the answer's way out. Its first write sends the header. Beside
// the relay, a timer writes comments into a silent stream, so writes are locked.
type client struct {
	call    *call
	w       http.ResponseWriter
	flusher *http.ResponseController

	mu       sync.Mutex
	begun    bool // the header is out: errors can only be events from here on
	deadline time.Time
	last     time.Time // of the newest write
	timer    *time.Timer
	stopped  bool
}

// send writes part of a stream and flushes it.
func (o *client) send(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.write(b)
}

// write sends the header when it is not out, the bytes, and flushes. o.mu is held.
func (o *client) write(b []byte) error {
	now := o.call.g.Now()
	o.last = now
	if !o.begun {
		o.begun = true
		o.call.streamHeader(o.w.Header())
		o.w.WriteHeader(http.StatusOK)
	}
	if now.Sub(o.deadline) > writeRenewal-writeTimeout {
		o.deadline = now.Add(writeTimeout)
		_ = o.flusher.SetWriteDeadline(o.deadline) // a writer that cannot has no client to stall it
	}
	if _, err := o.w.Write(b); err != nil {
		return err
	}
	return o.flusher.Flush()
}

// started reports whether the header is out.
func (o *client) started() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.begun
}

// startKeepAlive begins to write a comment whenever the stream has been silent
// for a while: clients and proxies give up on silent connections.
func (o *client) startKeepAlive() {
	every := o.call.g.KeepAlive
	if every < 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = o.call.g.Now()
	o.timer = time.AfterFunc(every, o.keepAlive)
}

// keepAlive writes a comment if nothing else was written lately, and comes again.
func (o *client) keepAlive() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopped {
		return
	}
	every := o.call.g.KeepAlive
	silent := o.call.g.Now().Sub(o.last)
	if silent >= every {
		if o.write([]byte(sse.Comment)) != nil {
			return // the relay will notice
		}
		silent = 0
	}
	o.timer.Reset(every - silent)
}

// stopKeepAlive ends the comments. It must come before the handler returns.
func (o *client) stopKeepAlive() {
	if o.timer == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
	o.timer.Stop()
}
