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
func Next(b []byte) int {
	for i := 0; i < len(b); {
		nl := bytes.IndexByte(b[i:], '\n')
		if nl < 0 {
			return nextCR(b)
		}
		i += nl + 1
		switch {
		case i < len(b) && b[i] == '\n':
			return i + 1
		case i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n':
			return i + 2
		}
	}
	return nextCR(b)
}

// nextCR finds the end of an event whose lines end in a bare CR. Rare, so it is
// looked for only where no LF closes an event.
func nextCR(b []byte) int {
	if i := bytes.Index(b, []byte("\r\r")); i >= 0 {
		return i + 2
	}
	return 0
}

// Data returns the payload of an event's only data line, trimmed of the
// optional leading space and the line end. ok is false for an event without data
// (a comment), and for one whose data spans several lines; then Join is needed.
func Data(event []byte) (payload []byte, ok bool) {
	rest, ok := bytes.CutPrefix(event, []byte("data:"))
	if !ok {
		return nil, false
	}
	end := bytes.IndexAny(rest, "\r\n")
	if end < 0 {
		return nil, false
	}
	if len(bytes.TrimRight(rest[end:], "\r\n")) != 0 {
		return nil, false // a further line: not the plain form
	}
	return bytes.TrimPrefix(rest[:end], []byte(" ")), true
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
