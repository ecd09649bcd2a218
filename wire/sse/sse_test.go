package sse_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"sluice/wire/sse"

	"pgregory.net/rapid"
)

// split cuts b into events and what is left over.
func split(b []byte) (events []string, rest string) {
	for {
		n := sse.Next(b)
		if n == 0 {
			return events, string(b)
		}
		events, b = append(events, string(b[:n])), b[n:]
	}
}

// feed is split for a reader that gets the pieces one after the other.
func feed(pieces ...string) (events []string, rest string) {
	for _, p := range pieces {
		var e []string
		e, rest = split([]byte(rest + p))
		events = append(events, e...)
	}
	return events, rest
}

func bytewise(s string) []string { return strings.Split(s, "") }

func TestNext(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
		rest     string
	}{
		{"LF", "data: a\n\ndata: b\n\n", []string{"data: a\n\n", "data: b\n\n"}, ""},
		{"CR LF", "data: a\r\n\r\ndata: b\r\n\r\n", []string{"data: a\r\n\r\n", "data: b\r\n\r\n"}, ""},
		{"CR", "data: a\r\rdata: b\r\r", []string{"data: a\r\r", "data: b\r\r"}, ""},
		{"CR before LF", "data: a\r\rdata: b\n\n", []string{"data: a\r\r", "data: b\n\n"}, ""},
		{"LF before CR", "data: a\n\ndata: b\r\r", []string{"data: a\n\n", "data: b\r\r"}, ""},
		{"LF, CR LF", "data: a\n\r\ndata: b\n\r\n", []string{"data: a\n\r\n", "data: b\n\r\n"}, ""},
		{"CR LF, LF", "data: a\r\n\ndata: b\r\n\n", []string{"data: a\r\n\n", "data: b\r\n\n"}, ""},
		{"LF, CR", "data: a\n\rdata: b\n\n", []string{"data: a\n\r", "data: b\n\n"}, ""},
		{"CR, LF, CR LF", "data: a\rdata: b\n\r\ndata: c\n\n", []string{"data: a\rdata: b\n\r\n", "data: c\n\n"}, ""},
		{"CR, CR LF, CR LF", "data: a\rdata: b\r\n\r\ndata: c\n\n", []string{"data: a\rdata: b\r\n\r\n", "data: c\n\n"}, ""},
		{"several lines", "event: x\ndata: a\ndata: b\nid: 1\n\n", []string{"event: x\ndata: a\ndata: b\nid: 1\n\n"}, ""},
		{"comment", ": hi\n\ndata: a\n\n", []string{": hi\n\n", "data: a\n\n"}, ""},
		{"blank lines between", "data: a\n\n\n\ndata: b\n\n", []string{"data: a\n\n", "\n", "\n", "data: b\n\n"}, ""},
		{"incomplete", "data: a\n\ndata: b\n", []string{"data: a\n\n"}, "data: b\n"},
		{"half a CR LF", "data: a\r\n\r", nil, "data: a\r\n\r"},
		{"one CR", "data: a\r", nil, "data: a\r"},
		{"nothing", "", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, rest := split([]byte(c.in)); !slices.Equal(got, c.want) || rest != c.rest {
				t.Errorf("at once: %q, rest %q; want %q, rest %q", got, rest, c.want, c.rest)
			}
			if got, rest := feed(bytewise(c.in)...); !slices.Equal(got, c.want) || rest != c.rest {
				t.Errorf("byte by byte: %q, rest %q; want %q, rest %q", got, rest, c.want, c.rest)
			}
		})
	}
}

// lines reads a whole stream the way the standard says, slowly: line ends are
// CR LF, LF or CR, a blank line dispatches the data that has come together.
func lines(s string) (data []string) {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	all := strings.Split(s, "\n")
	var event []string
	for _, line := range all[:len(all)-1] { // the last has no end
		value, ok := strings.CutPrefix(line, "data:")
		switch {
		case line == "" && event != nil:
			data, event = append(data, strings.Join(event, "\n")), nil
		case ok:
			event = append(event, strings.TrimPrefix(value, " "))
		}
	}
	return data
}

// TestNextLikeTheStandard holds Next, Data and Join to a plain reading of the
// standard, for any mixture of line ends and in any pieces.
func TestNextLikeTheStandard(t *testing.T) {
	part := rapid.SampledFrom([]string{"\n", "\r", "\r\n", "\n\n", "\r\r", "\r\n\r\n", "data: a", "data:b", "data:  c d", "data:", ": note", "id: 7", "x", "dat"})
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOfN(part, 0, 20).Draw(t, "parts"), "")
		events, rest := split([]byte(in))
		if strings.Join(events, "")+rest != in {
			t.Fatalf("%q comes apart as %q, rest %q", in, events, rest)
		}
		var data []string
		for _, e := range events {
			d := sse.Join([]byte(e))
			if plain, ok := sse.Data([]byte(e)); ok && (d == nil || !bytes.Equal(plain, d)) {
				t.Fatalf("%q: Data %q, Join %q", e, plain, d)
			}
			if d != nil {
				data = append(data, string(d))
			}
		}
		// A CR at the very end may be half of a line end, which is for later.
		if want := lines(in); !slices.Equal(data, want) && !slices.Equal(data, lines(strings.TrimSuffix(in, "\r"))) {
			t.Fatalf("%q: data %q, want %q", in, data, want)
		}
		cut := rapid.IntRange(0, len(in)).Draw(t, "cut")
		if got, left := feed(in[:cut], in[cut:]); !slices.Equal(got, events) || left != rest {
			t.Fatalf("%q cut at %d: %q, rest %q; at once %q, rest %q", in, cut, got, left, events, rest)
		}
		if got, left := feed(bytewise(in)...); !slices.Equal(got, events) || left != rest {
			t.Fatalf("%q byte by byte: %q, rest %q; at once %q, rest %q", in, got, left, events, rest)
		}
	})
}

func TestData(t *testing.T) {
	for _, c := range []struct {
		event, want string
		ok          bool
	}{
		{"data: a b\n\n", "a b", true},
		{"data:a\r\n\r\n", "a", true},
		{"data:  a\r\r", " a", true},
		{"data:\n\n", "", true},
		{"data: a", "", false},
		{"data: a\ndata: b\n\n", "", false},
		{"data: a\rdata: b\r\r", "", false},
		{"event: x\ndata: a\n\n", "", false},
		{": c\n\n", "", false},
		{"\n", "", false},
	} {
		if got, ok := sse.Data([]byte(c.event)); ok != c.ok || string(got) != c.want {
			t.Errorf("%q: %q, %t; want %q, %t", c.event, got, ok, c.want, c.ok)
		}
	}
}

func TestJoin(t *testing.T) {
	for event, want := range map[string]string{
		"event: x\ndata: a\nid: 1\n\n":  "a",
		"data: a\r\ndata:b\r\n\r\n":     "a\nb",
		"data:\n\n":                     "",
		"data:\ndata:\n\n":              "\n",
		": c\ndata: é\n\n":              "é",
		"data: a\rdata: b\rdata: c\r\r": "a\nb\nc",
	} {
		if got := sse.Join([]byte(event)); got == nil || string(got) != want {
			t.Errorf("%q: %q, want %q", event, got, want)
		}
	}
	for _, event := range []string{": c\n\n", "event: x\n\n", "\n", "database: x\n\n", " data: x\n\n"} {
		if got := sse.Join([]byte(event)); got != nil {
			t.Errorf("%q: %q, want none", event, got)
		}
	}
}

func TestAppendData(t *testing.T) {
	event := sse.AppendData([]byte("x"), []byte(`{"a":1}`))
	if string(event) != "xdata: {\"a\":1}\n\n" {
		t.Errorf("%q", event)
	}
	if got, ok := sse.Data(event[1:]); !ok || string(got) != `{"a":1}` || sse.Next(event[1:]) != len(event)-1 {
		t.Errorf("read again: %q, %t", got, ok)
	}
	if got, ok := sse.Data([]byte(sse.Done)); !ok || string(got) != sse.DonePayload {
		t.Errorf("Done: %q, %t", got, ok)
	}
	if sse.Next([]byte(sse.Comment)) != len(sse.Comment) || sse.Join([]byte(sse.Comment)) != nil {
		t.Error("Comment is no event without data")
	}
}

// FuzzNext: events are cut out in order, nothing is lost, and where the cuts
// fall does not depend on how the bytes arrive.
func FuzzNext(f *testing.F) {
	for _, s := range []string{"data: a\r\n\r\n", "data: a\r\r\ndata: b\n\n", "\r\n\r", "a\n\r\n\rb", ": x\n\n\n"} {
		f.Add([]byte(s), uint(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, at uint) {
		events, rest := split(in)
		if strings.Join(events, "")+rest != string(in) {
			t.Fatalf("%q comes apart as %q, rest %q", in, events, rest)
		}
		cut := int(at % uint(len(in)+1))
		if got, left := feed(string(in[:cut]), string(in[cut:])); !slices.Equal(got, events) || left != rest {
			t.Fatalf("%q cut at %d: %q, rest %q; at once %q, rest %q", in, cut, got, left, events, rest)
		}
	})
}

func BenchmarkNext(b *testing.B) {
	event := []byte("data: " + strings.Repeat("x", 242) + "\n\n")
	for b.Loop() {
		if n := sse.Next(event); n != len(event) {
			b.Fatal(n)
		}
	}
}
