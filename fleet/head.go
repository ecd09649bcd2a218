package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Bounds on the head of an answer.
const (
	maxHead    = 64 << 10 // bytes, status line and all fields
	maxFields  = 128
	maxInterim = 8 // 1xx answers before the final one
)

// head is what we need of an answer's head.
type head struct {
	status      int
	contentType string
	retryAfter  string
	prompt      int64 // x-prompt-tokens; -1 when absent or no number
	cached      int64 // x-cached-tokens; likewise

	length  int64 // content-length; -1 when absent
	chunked bool
	close   bool // the connection ends with this answer
}

// parseHead reads the head of an answer, from the status line to the empty
// line (RFC 9112). It refuses what lets two readers disagree about where the
// answer ends: bare CR or LF, folded lines, blanks before the colon, a transfer
// encoding other than one "chunked", both length and encoding, unequal lengths.
func parseHead(b []byte) (head, error) {
	h := head{length: -1, prompt: -1, cached: -1}
	line, b, err := cutLine(b)
	if err != nil {
		return h, err
	}
	old, err := h.statusLine(line)
	if err != nil {
		return h, err
	}
	for fields := 0; ; fields++ {
		if line, b, err = cutLine(b); err != nil {
			return h, err
		}
		if len(line) == 0 {
			break
		}
		if fields == maxFields {
			return h, fmt.Errorf("more than %d header fields", maxFields)
		}
		if err := h.field(line); err != nil {
			return h, err
		}
	}
	if h.chunked && (h.length >= 0 || old) {
		return h, errors.New("transfer-encoding beside a content-length or in HTTP/1.0")
	}
	// An HTTP/1.0 engine could ask to keep the connection; none is worth the trouble.
	h.close = h.close || old
	return h, nil
}

// cutLine splits off one line that ends with CR LF.
func cutLine(b []byte) (line, rest []byte, err error) {
	i := bytes.IndexByte(b, '\n')
	if i < 1 || b[i-1] != '\r' {
		return nil, nil, errors.New("a header line does not end with CR LF")
	}
	return b[:i-1], b[i+1:], nil
}

// statusLine reads "HTTP/1.1 200 OK". old says that the version is 1.0.
func (h *head) statusLine(line []byte) (old bool, err error) {
	const version = "HTTP/1."
	if len(line) < 12 || string(line[:len(version)]) != version || line[7] < '0' || line[7] > '9' || line[8] != ' ' ||
		(len(line) > 12 && line[12] != ' ') || !printable(line) {
		return false, fmt.Errorf("not an HTTP/1.x status line: %.40q", line)
	}
	n, ok := digits(line[9:12])
	if !ok || n < 100 {
		return false, fmt.Errorf("bad status in %.40q", line)
	}
	h.status = int(n)
	return line[7] == '0', nil
}

// field reads one header field into h if it is one we need.
func (h *head) field(line []byte) error {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 || !isToken(line[:colon]) || !printable(line[colon+1:]) {
		return fmt.Errorf("bad header field %.40q", line)
	}
	name, value := line[:colon], bytes.Trim(line[colon+1:], " \t")
	switch {
	case is(name, "content-type"):
		if h.contentType == "" {
			h.contentType = contentType(value)
		}
	case is(name, "content-length"):
		n, ok := digits(value)
		if !ok || (h.length >= 0 && h.length != n) {
			return fmt.Errorf("bad or contradicting content-length %.40q", value)
		}
		h.length = n
	case is(name, "transfer-encoding"):
		if h.chunked || !is(value, "chunked") {
			return fmt.Errorf("transfer-encoding %.40q", value)
		}
		h.chunked = true
	case is(name, "content-encoding"):
		if !is(value, "identity") {
			return fmt.Errorf("content-encoding %.40q, which was not asked for", value)
		}
	case is(name, "connection"):
		for token := range bytes.SplitSeq(value, []byte{','}) {
			h.close = h.close || is(bytes.Trim(token, " \t"), "close")
		}
	case is(name, "retry-after"):
		h.retryAfter = string(value)
	case is(name, "x-prompt-tokens"):
		h.prompt = count(value)
	case is(name, "x-cached-tokens"):
		h.cached = count(value)
	}
	return nil
}

// contentType returns the value as a string, the usual ones without copying.
func contentType(b []byte) string {
	switch string(b) {
	case "application/json":
		return "application/json"
	case "text/event-stream":
		return "text/event-stream"
	case "text/event-stream; charset=utf-8":
		return "text/event-stream; charset=utf-8"
	}
	return string(b)
}

// is reports whether b is the lower-case word, in any case.
func is(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// isToken reports whether b consists of the characters of a field name (RFC 9110, 5.6.2).
func isToken(b []byte) bool {
	for _, c := range b {
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			continue
		}
		if strings.IndexByte("!#$%&'*+.^`|~", c) < 0 {
			return false
		}
	}
	return true
}

// printable reports whether b has no control character but the tab.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// digits reads a whole number of 1 to 18 decimal digits and nothing else.
func digits(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// count is digits with -1 for what is no number.
func count(b []byte) int64 {
	n, ok := digits(b)
	if !ok {
		return -1
	}
	return n
}
