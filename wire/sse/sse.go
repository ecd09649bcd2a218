// Package sse frames server-sent events (WHATWG HTML, section 9.2) for a relay
// that passes bytes on as they came: it finds where events end and what their
// data is, and copies nothing.
package sse

import "bytes"

// DonePayload ends a stream of OpenAI's dialects. Clients match it by prefix.
const DonePayload = "[DONE]"

// Done is the event that ends a stream of OpenAI's dialects.
const Done = "data: [DONE]\n\n"

// Comment is an event without data that keeps a silent connection open.
const Comment = ": keep-alive\n\n"

// Next returns the length of the first complete event in b, its closing blank
// line included, or 0 when b holds none yet. Lines may end in LF, CR LF or CR.
// A blank line with nothing before it is an event of its own.
//
// The answer does not depend on how much of what follows is in b already: a CR
// that may be half of a CR LF waits for the next byte, except after a line that
// ended in a bare CR, where the blank line is the CR alone.
func Next(b []byte) int {
	bare := false // the line before ended in a bare CR
	lf := -1      // where the next LF stands, len(b) when there is none
	for i := 0; i < len(b); {
		if lf < i {
			lf = indexFrom(b, i, '\n')
		}
		cr := i + indexFrom(b[i:lf], 0, '\r') // lf when the line has none
		end := cr + 1
		switch {
		case cr == lf && lf == len(b):
			return 0
		case cr == lf:
			bare = false
		case cr == i && bare:
			return end
		case end == len(b):
			return 0
		case end == lf:
			bare, end = false, lf+1
		default:
			bare = true
		}
		if cr == i {
			return end
		}
		i = end
	}
	return 0
}

// indexFrom is the place of the first c in b from i on, len(b) when there is none.
func indexFrom(b []byte, i int, c byte) int {
	if at := bytes.IndexByte(b[i:], c); at >= 0 {
		return i + at
	}
	return len(b)
}

// Data returns the payload of an event's only line, trimmed of the optional
// leading space and the line end. ok is false for an event of another form: a
// comment, several lines, other fields; then Join is needed.
func Data(event []byte) (payload []byte, ok bool) {
	rest, ok := bytes.CutPrefix(event, []byte("data:"))
	if !ok {
		return nil, false
	}
	end := len(rest)
	for end > 0 && (rest[end-1] == '\n' || rest[end-1] == '\r') {
		end--
	}
	payload = rest[:end]
	if end == len(rest) || bytes.IndexByte(payload, '\n') >= 0 || bytes.IndexByte(payload, '\r') >= 0 {
		return nil, false
	}
	return bytes.TrimPrefix(payload, []byte(" ")), true
}

// Join returns the data of any event: its data lines joined by LF, nil when it
// has none. It copies.
func Join(event []byte) []byte {
	var data []byte
	found := false
	for line := range bytes.FieldsFuncSeq(event, func(r rune) bool { return r == '\n' || r == '\r' }) {
		value, ok := bytes.CutPrefix(line, []byte("data:"))
		if !ok {
			continue
		}
		if found {
			data = append(data, '\n')
		}
		found = true
		data = append(data, bytes.TrimPrefix(value, []byte(" "))...)
	}
	if !found {
		return nil
	}
	if data == nil {
		data = []byte{}
	}
	return data
}

// AppendData appends an event with the payload, which must hold no line end.
func AppendData(dst, payload []byte) []byte {
	dst = append(dst, "data: "...)
	dst = append(dst, payload...)
	return append(dst, "\n\n"...)
}
