package main

import (
	"io"
	"net/http"
	"time"
)

// timeBodies bounds how long any request's body may take to arrive, also one
// that no handler reads: the server itself reads its rest before it answers, and
// would wait for a body that never comes as long as the client likes.
func timeBodies(h http.Handler, within time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != http.NoBody {
			conn := http.NewResponseController(w)
			_ = conn.SetReadDeadline(time.Now().Add(within)) // the servers of both doors can
			r.Body = &timedBody{r.Body, conn}
		}
		h.ServeHTTP(w, r)
	})
}

// timedBody lifts the deadline at the body's end: the server goes on reading to
// see whether the client leaves, and an answer may take long.
type timedBody struct {
	io.ReadCloser
	conn *http.ResponseController
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}
