package fleet

import (
	"bytes"
	"io"
	"net/http/httputil"
	"strings"
	"testing"
)

// decodeIn decodes in portions of the given size and returns the data, how
// many bytes were used, and whether the body is complete.
func decodeIn(in []byte, portion int) (data []byte, used int, complete bool, err error) {
	var d chunkDecoder
	for used < len(in) && d.state != chunkEnd {
		p := bytes.Clone(in[used:min(len(in), used+portion)])
		n, u, err := d.decode(p)
		data, used = append(data, p[:n]...), used+u
		if err != nil {
			return data, used, false, err
		}
	}
	return data, used, d.state == chunkEnd, nil
}

func TestChunks(t *testing.T) {
	for _, test := range []struct{ in, data, rest string }{
		{"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world", ""},
		{"0005\r\nhello\r\n000\r\n\r\nHTTP/1.1", "hello", "HTTP/1.1"},
		{"A;name=value;x=\"y\"\r\n0123456789\r\n0;last\r\nTrailer: 1\r\nAnother: 2\r\n\r\n", "0123456789", ""},
		{"a \r\n0123456789\r\n0\r\n\r\n", "0123456789", ""},
		{"2\r\n\r\n\r\n0\r\n\r\n", "\r\n", ""},
		{"0\r\n\r\n", "", ""},
	} {
		for portion := 1; portion <= len(test.in); portion++ {
			data, used, complete, err := decodeIn([]byte(test.in), portion)
			if err != nil || !complete || string(data) != test.data || test.in[used:] != test.rest {
				t.Fatalf("%q by %d: %q, rest %q, complete %v, %v", test.in, portion, data, test.in[used:], complete, err)
			}
		}
	}
}

func TestChunksRefuse(t *testing.T) {
	for _, in := range []string{
		"\r\n", ";x\r\n", " 5\r\n", "-5\r\n", "+5\r\n", "0x5\r\n", "g\r\n", "5\n", "5\rx", "5\r\nhello!", "5\r\nhello\n", "5\r\nhello\r5",
		"1000000000000000\r\n", "00000000000000005\r\n", "5;x\ny\r\n", "0\r\nTrailer\n\r\n", "0\r\n\rx", "0\r\n\n",
		"5;" + strings.Repeat("x", maxChunkExtra+1), "0\r\n" + strings.Repeat("a: b\r\n", maxChunkExtra),
	} {
		for _, portion := range []int{1, len(in)} {
			if data, _, complete, err := decodeIn([]byte(in), portion); err == nil {
				t.Errorf("%.60q by %d: accepted as %q, complete %v", in, portion, data, complete)
			}
		}
	}
}

// What we accept, net/http accepts and decodes the same way, and the
// portions in which it arrives make no difference.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\n\r\n"), 3)
	f.Add([]byte("A;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\nrest"), 1)
	f.Fuzz(func(t *testing.T, in []byte, portion int) {
		if portion < 1 {
			portion = 1
		}
		data, used, complete, err := decodeIn(in, len(in)+1)
		data2, used2, complete2, err2 := decodeIn(in, portion)
		if !bytes.Equal(data, data2) || used != used2 || complete != complete2 || (err == nil) != (err2 == nil) {
			t.Fatalf("%q by %d: %q %d %v %v, at once %q %d %v %v", in, portion, data2, used2, complete2, err2, data, used, complete, err)
		}
		if !complete {
			return
		}
		theirs, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(in)))
		if err != nil || !bytes.Equal(theirs, data) {
			t.Fatalf("%q: %q, net/http %q, %v", in, data, theirs, err)
		}
	})
}
