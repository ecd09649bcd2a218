package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Stage is what a download is doing.
type Stage string

// The stages, in their order.
const (
	Fetching  Stage = "fetching"
	Verifying Stage = "verifying"
)

// Progress is how far a stage is.
type Progress struct {
	Stage Stage
	Done  int64 // bytes, those of earlier runs among them
	Size  int64 // bytes in all
}

// Download fetches a file of a repository into a path and verifies it; it returns
// its SHA-256 in hex. What is at the path of an earlier run of the same file is
// gone on with, which a note beside it makes possible: the path with ".state". A
// file whose digest is not the hub's is removed. report is called after every few
// KB, by one goroutine at a time. Errors: *RefusedError, *DigestError.
func (h *Hub) Download(ctx context.Context, r Repository, f File, into string, report func(Progress)) (digest string, err error) {
	out, err := os.OpenFile(into, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", fmt.Errorf("opening the file to download into: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	d := &download{
		hub: h, out: out, size: f.Size, report: report,
		from: h.endpoint.JoinPath(r.Name, "resolve", r.Commit, f.Path),
		note: openNote(into, f, h.piece),
	}
	if err := d.fetch(ctx); err != nil {
		return "", fmt.Errorf("downloading %s: %w", f.Path, err)
	}
	digest, err = verify(ctx, out, f, report)
	if _, wrong := errors.AsType[*DigestError](err); wrong {
		err = errors.Join(err, os.Remove(into), d.note.remove())
	}
	if err != nil {
		return "", err
	}
	return digest, d.note.remove()
}

// Begun is how many bytes of a file an earlier run left at a path.
func (h *Hub) Begun(f File, into string) int64 {
	return openNote(into, f, h.piece).done()
}

// download is one run.
type download struct {
	hub  *Hub
	out  *os.File
	size int64
	from *url.URL

	mu     sync.Mutex // guards note, done and calls of report
	note   *note
	done   int64
	report func(Progress)
}

// errNoRanges says that a server sends whole files only.
var errNoRanges = errors.New("the server does not send parts of files")

// fetch gets all pieces that are missing: the first alone, which shows whether the
// server sends pieces at all, the others side by side.
func (d *download) fetch(ctx context.Context) error {
	if err := d.begin(); err != nil {
		return err
	}
	missing := d.note.missing()
	if len(missing) == 0 {
		return nil
	}
	err := d.piece(ctx, missing[0])
	if errors.Is(err, errNoRanges) {
		return d.whole(ctx)
	}
	if err != nil {
		return err
	}
	return d.others(ctx, missing[1:])
}

// begin makes the file as long as what it will hold. What a run without a note
// left is of no use.
func (d *download) begin() error {
	d.done = d.note.done()
	if d.done == 0 {
		if err := d.out.Truncate(0); err != nil {
			return fmt.Errorf("emptying what was left: %w", err)
		}
	}
	if err := d.out.Truncate(d.size); err != nil {
		return fmt.Errorf("making room: %w", err)
	}
	d.gained(0)
	return nil
}

// others gets pieces over several connections. The first error ends all.
func (d *download) others(ctx context.Context, pieces []int) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	next := make(chan int)
	var group sync.WaitGroup
	for range min(d.hub.connections, len(pieces)) {
		group.Go(func() {
			for i := range next {
				if err := d.piece(ctx, i); err != nil {
					stop(err)
				}
			}
		})
	}
	for _, i := range pieces {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	group.Wait()
	return context.Cause(ctx)
}

// piece gets one piece and notes it down. Where the connection breaks, the next
// one goes on.
func (d *download) piece(ctx context.Context, i int) error {
	at, end := d.note.span(i)
	err := d.hub.persist(ctx, func(ctx context.Context) (bool, error) {
		n, err := d.part(ctx, at, end)
		at += n
		return n > 0, err
	})
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.note.add(i)
}

// part asks for the bytes from at to end, and writes those that come.
func (d *download) part(ctx context.Context, at, end int64) (int64, error) {
	return d.receive(ctx, http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", at, end-1)}}, at, end, func(resp *http.Response) error {
		if resp.StatusCode == http.StatusOK {
			return &finalError{errNoRanges}
		}
		if resp.StatusCode != http.StatusPartialContent {
			return d.hub.refused(resp)
		}
		return sameFile(resp.Header.Get("Content-Range"), at, d.size)
	})
}

// whole gets all in one answer, from the beginning each time.
func (d *download) whole(ctx context.Context) error {
	return d.hub.persist(ctx, func(ctx context.Context) (bool, error) {
		d.mu.Lock()
		d.done = 0
		d.mu.Unlock()
		d.gained(0)
		_, err := d.receive(ctx, http.Header{}, 0, d.size, func(resp *http.Response) error {
			if resp.StatusCode != http.StatusOK {
				return d.hub.refused(resp)
			}
			if resp.ContentLength >= 0 && resp.ContentLength != d.size {
				return &finalError{fmt.Errorf("the server has %d bytes where the hub lists %d", resp.ContentLength, d.size)}
			}
			return nil
		})
		return false, err
	})
}

var contentRange = regexp.MustCompile(`^bytes (\d+)-(\d+)/(\d+|\*)$`)

// sameFile says whether an answer is of the file that the hub lists, from the byte
// that was asked for on.
func sameFile(header string, at, size int64) error {
	m := contentRange.FindStringSubmatch(header)
	if m == nil {
		return &finalError{fmt.Errorf("the server sends a part without saying which: Content-Range %q", header)}
	}
	if m[1] != strconv.FormatInt(at, 10) || m[3] != "*" && m[3] != strconv.FormatInt(size, 10) {
		return &finalError{fmt.Errorf("the server sends %q of a file that the hub lists with %d bytes, asked for byte %d", strings.TrimPrefix(header, "bytes "), size, at)}
	}
	return nil
}

// receive sends a request and writes its answer, if accept takes it, to the file
// from at to end; it returns how many bytes came. A connection that brings nothing
// for long is given up.
func (d *download) receive(ctx context.Context, header http.Header, at, end int64, accept func(*http.Response) error) (int64, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	silence := time.AfterFunc(d.hub.silence, func() { stop(fmt.Errorf("nothing came for %s", d.hub.silence)) })
	defer silence.Stop()
	resp, err := d.hub.get(ctx, d.from, header)
	if err != nil {
		return 0, because(ctx, err)
	}
	defer resp.Body.Close()
	if err := accept(resp); err != nil {
		return 0, err
	}
	got, buffer := int64(0), make([]byte, 256<<10)
	for at+got < end {
		n, err := resp.Body.Read(buffer[:min(int64(len(buffer)), end-at-got)])
		if n > 0 {
			silence.Reset(d.hub.silence)
			if _, err := d.out.WriteAt(buffer[:n], at+got); err != nil {
				return got, &finalError{fmt.Errorf("writing: %w", err)}
			}
			got += int64(n)
			d.gained(int64(n))
		}
		if err != nil && at+got < end {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return got, because(ctx, fmt.Errorf("the connection broke off: %w", err))
		}
	}
	return got, nil
}

// because is why a context ended, if it has, or else the error.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// gained reports bytes that have come.
func (d *download) gained(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done += n
	d.report(Progress{Fetching, d.done, d.size})
}
