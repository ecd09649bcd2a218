package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"sluice"
)

// transport carries calls to one engine.
type transport interface {
	// send asks and returns once the head of the answer is there. ctx governs the
	// reply's body too.
	send(ctx context.Context, req *sluice.EngineRequest) (*sluice.EngineReply, error)
	// expire closes what has been idle for too long.
	expire(now time.Time)
	// close frees what is kept. It is called once no call is in flight.
	close()
}

// Timeouts bound what is waited for: Header and Idle to within an eighth, by
// which they may come late. Zero fields take their default.
type Timeouts struct {
	Dial   time.Duration // to connect, TLS included; default 10 seconds
	Header time.Duration // from the request to the head of the answer, so through queue and prefill; default 10 minutes
	Idle   time.Duration // between bytes of the body, and to write the request; default 2 minutes
}

func (t Timeouts) withDefaults() Timeouts {
	t.Dial = orDefault(t.Dial, 10*time.Second)
	t.Header = orDefault(t.Header, 10*time.Minute)
	t.Idle = orDefault(t.Idle, 2*time.Minute)
	return t
}

func orDefault[T time.Duration | int](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

// failure turns what went wrong into what the caller is told: the context's
// error when the call was cancelled, else CodeTimeout or CodeEngineFailed, which
// is reported. The cause may hold addresses and is not for the caller.
func failure(ctx context.Context, report func(error), doing string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := &sluice.Error{Code: sluice.CodeEngineFailed, Message: "The engine failed.", Err: fmt.Errorf("%s: %w", doing, err)}
	if timedOut(err) {
		e.Code, e.Message = sluice.CodeTimeout, "The engine took too long."
	}
	report(e)
	return e
}

func timedOut(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// errClosed is what reading a body after closing it gives.
var errClosed = errors.New("reading an engine's answer after closing it")

// cut makes an early end an error.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
