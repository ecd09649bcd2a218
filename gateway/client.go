package gateway

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
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
	call *call
	w    http.ResponseWriter
	conn *http.ResponseController

	mu        sync.Mutex
	mediaType string // of the answer, where it is neither JSON nor a stream of events
	begun     bool   // the header is out: errors can only be events from here on
	simulated bool   // a simulator answers
	deadline  time.Time
	last      time.Time // of the newest write
	timer     *time.Timer
	stopped   bool
}

// send writes part of the engine's stream, in the client's dialect, and flushes it.
func (o *client) send(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if speech := o.call.speech; speech != nil {
		if b = speech.events(b); len(b) == 0 {
			return nil
		}
	}
	return o.write(b)
}

// say writes what the call itself has to say.
func (o *client) say(compose func() []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.write(compose())
}

// write sends the header when it is not out, the bytes, and flushes. o.mu is held.
func (o *client) write(b []byte) error {
	o.last = time.Now()
	if !o.begun {
		o.begun = true
		o.streamHeader()
		o.w.WriteHeader(http.StatusOK)
	}
	o.extend(o.last)
	if _, err := o.w.Write(b); err != nil {
		return err
	}
	return o.flush()
}

// flush sends what was written. A writer that keeps it all has nothing to flush.
func (o *client) flush() error {
	if err := o.conn.Flush(); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// extend gives the client its time to accept what comes next.
func (o *client) extend(now time.Time) {
	if now.Sub(o.deadline) > writeRenewal-writeTimeout {
		o.deadline = now.Add(writeTimeout)
		_ = o.conn.SetWriteDeadline(o.deadline) // a writer that cannot has no client to stall it
	}
}

// streamHeader sets the header of a stream.
func (o *client) streamHeader() {
	h := o.w.Header()
	set(h, "Content-Type", cmp.Or(o.mediaType, "text/event-stream; charset=utf-8"))
	set(h, "Cache-Control", "no-cache")
	set(h, "X-Accel-Buffering", "no") // proxies must not gather chunks
	o.labelSimulated(h)
}

// labelSimulated says so when a simulator answers.
func (o *client) labelSimulated(h http.Header) {
	if o.simulated {
		set(h, "X-Sluice-Simulated", "true")
	}
}

// answeredBy notes which kind of engine answers.
func (o *client) answeredBy(simulated bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.simulated = simulated
}

// writeStep is how much of a whole answer must be accepted within writeTimeout, in bytes.
const writeStep = 1 << 20

// sendWhole sends an answer that was not streamed.
func (o *client) sendWhole(b []byte) error {
	h := o.w.Header()
	set(h, "Content-Type", cmp.Or(o.mediaType, "application/json"))
	set(h, "Content-Length", strconv.Itoa(len(b)))
	o.labelSimulated(h)
	for step := range slices.Chunk(b, writeStep) {
		o.extend(time.Now())
		if _, err := o.w.Write(step); err != nil {
			return err
		}
	}
	return o.flush()
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
	o.mu.Lock()
	defer o.mu.Unlock()
	if every < 0 || o.timer != nil {
		return
	}
	o.last = time.Now()
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
	silent := time.Since(o.last)
	if silent >= every {
		if o.write(o.ping()) != nil {
			return // the relay will notice
		}
		silent = 0
	}
	o.timer.Reset(every - silent)
}

// ping is what a silent stream gets.
func (o *client) ping() []byte {
	if speech := o.call.speech; speech != nil {
		return speech.exchange.Ping(nil)
	}
	return []byte(sse.Comment)
}

// stopKeepAlive ends the comments. It must come before the last bytes. The
// write deadline stays for what the server flushes, which then lifts it.
func (o *client) stopKeepAlive() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
	if o.timer != nil {
		o.timer.Stop()
	}
}
