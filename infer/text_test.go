package infer

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestTextStreamIsThePlainText: however the bytes are cut into pieces, what
// comes out is the text up to the first stop string, in whole runes.
func TestTextStreamIsThePlainText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringOfN(rapid.SampledFrom([]rune("ab你🙂")), 0, 12, -1)
		text := letters.Draw(t, "text")
		short := rapid.StringOfN(rapid.SampledFrom([]rune("ab你🙂")), 1, 3, -1)
		stops := rapid.SliceOfN(short, 0, 3).Draw(t, "stops")
		want, wantStop := text, false
		for end := range len(text) + 1 { // the first stop to be complete, the longest of those
			for _, stop := range stops {
				if strings.HasSuffix(text[:end], stop) && (!wantStop || len(want) > end-len(stop)) {
					want, wantStop = text[:end-len(stop)], true
				}
			}
			if wantStop {
				break
			}
		}
		s := textStream{stops: stops}
		var got strings.Builder
		stopped := false
		for rest := text; rest != "" && !stopped; {
			n := rapid.IntRange(1, min(5, len(rest))).Draw(t, "piece")
			var part string
			part, stopped = s.push(rest[:n])
			if !utf8.ValidString(part) {
				t.Fatalf("half a rune: %q", part)
			}
			got.WriteString(part)
			rest = rest[n:]
		}
		if !stopped {
			got.WriteString(s.flush())
		}
		if stopped != wantStop || got.String() != want {
			t.Fatalf("%q with stops %q gives %q, stopped %v; want %q, %v", text, stops, got.String(), stopped, want, wantStop)
		}
	})
}

func TestTextStreamTakesTheFirstStop(t *testing.T) {
	s := textStream{stops: []string{"bcd", "c", "bc"}}
	if text, stopped := s.push("abcd"); text != "a" || !stopped {
		t.Errorf("%q, %v", text, stopped)
	}
}

func TestTextStreamHoldsBack(t *testing.T) {
	s := textStream{stops: []string{"END", "\n\n"}}
	for _, step := range []struct{ in, out string }{
		{"a", "a"}, {" E", " "}, {"N", ""}, {"E", "EN"}, {"x\n", "Ex"}, {"y", "\ny"}, {"EN", ""},
	} {
		if text, stopped := s.push(step.in); text != step.out || stopped {
			t.Errorf("after %q: %q, %v, want %q", step.in, text, stopped, step.out)
		}
	}
	if text := s.flush(); text != "EN" {
		t.Errorf("flush gives %q", text)
	}
}

func TestTextStreamRepairsBrokenRunes(t *testing.T) {
	s := textStream{}
	got := ""
	for _, b := range []byte("a\xff\xe4\xbd\xa0\x80z\xf0\x9f") {
		text, _ := s.push(string([]byte{b}))
		got += text
	}
	got += s.flush()
	if want := "a\ufffd你\ufffdz\ufffd"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
