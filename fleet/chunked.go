package fleet

import "errors"

// chunkState is what the next byte of a chunked body must be.
type chunkState uint8

const (
	chunkSize      chunkState = iota // a hexadecimal digit, or the end of the size
	chunkBlank                       // after the size: blanks, then the end of the size
	chunkExtension                   // anything up to CR
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	chunkTrailer     // the first byte of a trailer's line, or the CR of the last line
	chunkTrailerLine // anything up to CR
	chunkTrailerLF
	chunkLastLF
	chunkEnd // nothing: the body is complete
)

// maxChunkExtra bounds a chunk's extension and all trailers, in bytes. Both are skipped.
const maxChunkExtra = 16 << 10

var errChunk = errors.New("malformed chunked body")

// chunkDecoder takes the chunked coding off a body (RFC 9112, 7.1) in place
// and in any portions, so that no buffer is needed beside the reader's own.
type chunkDecoder struct {
	left   int64 // bytes of the chunk that are to come; the size while it is read
	extra  int   // bytes of extension or trailers skipped
	digits uint8 // of the size
	state  chunkState
}

// decode moves the data in p to its front and returns how many bytes that
// is and how many of p were used: all of them, unless the body ended before.
func (d *chunkDecoder) decode(p []byte) (n, used int, err error) {
	i := 0
	for i < len(p) && d.state != chunkEnd {
		if d.state == chunkData {
			m := int(min(d.left, int64(len(p)-i)))
			copy(p[n:], p[i:i+m])
			n, i, d.left = n+m, i+m, d.left-int64(m)
			if d.left == 0 {
				d.state = chunkDataCR
			}
			continue
		}
		if !d.step(p[i]) {
			return n, i, errChunk
		}
		i++
	}
	return n, i, nil
}

// step takes one byte of framing and reports whether it is allowed there.
func (d *chunkDecoder) step(c byte) bool {
	switch d.state {
	case chunkSize, chunkBlank:
		return d.size(c)
	case chunkExtension, chunkTrailerLine:
		d.extra++
		if c == '\r' {
			d.state++ // to chunkSizeLF or chunkTrailerLF
			return true
		}
		return c != '\n' && d.extra <= maxChunkExtra
	case chunkSizeLF:
		switch {
		case d.left > 0:
			d.state = chunkData
			d.extra = 0
		default:
			d.state = chunkTrailer
		}
		return c == '\n'
	case chunkDataCR:
		d.state = chunkDataLF
		return c == '\r'
	case chunkDataLF:
		d.state, d.digits = chunkSize, 0
		return c == '\n'
	case chunkTrailer:
		if c == '\r' {
			d.state = chunkLastLF
			return true
		}
		d.state = chunkTrailerLine
		return d.step(c)
	case chunkTrailerLF:
		d.state = chunkTrailer
		return c == '\n'
	case chunkLastLF:
		d.state = chunkEnd
		return c == '\n'
	}
	return false
}

// size takes one byte of a chunk's size: up to 15 hexadecimal digits, so that
// it cannot overflow, then blanks, which some servers pad it with.
func (d *chunkDecoder) size(c byte) bool {
	switch {
	case d.digits == 0 && hexDigit(c) < 0:
		return false
	case c == '\r':
		d.state = chunkSizeLF
		return true
	case c == ';':
		d.state = chunkExtension
		return true
	case c == ' ' || c == '\t':
		d.state = chunkBlank
		d.extra++
		return d.extra <= maxChunkExtra
	}
	v := hexDigit(c)
	d.left = d.left<<4 | int64(v)
	d.digits++
	return v >= 0 && d.digits <= 15 && d.state == chunkSize
}

// hexDigit returns the value of a hexadecimal digit, or -1.
func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
