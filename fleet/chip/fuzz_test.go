package chip

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// FuzzDrivers gives every driver the same arbitrary output for whatever it asks,
// and holds the cards to what is true of every card.
func FuzzDrivers(f *testing.F) {
	files, err := filepath.Glob("testdata/*.*")
	if err != nil || len(files) < 20 {
		f.Fatalf("%d recordings, %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		_, out, _ := bytes.Cut(raw, []byte("\n"))
		f.Add(out)
		f.Add(out[:len(out)*2/3])                                             // truncated
		f.Add(bytes.ReplaceAll(out, []byte("."), []byte(",")))                // as in a country with commas
		f.Add(bytes.ReplaceAll(out, []byte("0"), []byte("999999999999999")))  // absurd
		f.Add(bytes.ReplaceAll(out, []byte(" "), []byte("\x00\xff\x1b[31m"))) // not text
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, out []byte) {
		ask := func(context.Context, string, ...string) ([]byte, error) { return out, nil }
		for _, d := range drivers() {
			for _, usage := range []bool{false, true} {
				cards, _ := d.read(t.Context(), ask, request{usage: usage, bus: []string{"0000:18:00.0", "0000:3b:00.0"}})
				if len(cards) > 2*maxCards {
					t.Errorf("%T: %d cards", d, len(cards))
				}
				for _, c := range cards {
					if check(t, c); !usage && (c.Usage != nil || c.Power.Draw != nil) {
						t.Errorf("%T: an inventory has usage: %s", d, line(c))
					}
				}
			}
		}
	})
}

// FuzzNumber shows that what is read as a number is one.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"271.1", "48W", "[N/A]", "ERR!", "70,5", "-", "NaN", "1e999", "+Inf", "34℃", "0x10", "65,536 MiB", "٣"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, _, ok := number(s); v != nil && (!ok || !(*v > -1e16 && *v < 1e16)) {
			t.Errorf("%q is %g, %t", s, *v, ok)
		}
	})
}

// TestNumber tells what is no number from what is none.
func TestNumber(t *testing.T) {
	for s, want := range map[string]string{
		"271.1": "271.1", " 48W": "48 W", "34℃": "34 ℃", "35 C": "35 C", "0.0 %": "0 %", "65536 MiB": "65536 MiB", "-5": "-5",
		"N/A": "none", "[Not Supported]": "none", "-": "none", "": "none",
		"ERR!": "wrong", "[GPU is lost]": "wrong", "70,5": "wrong", "65,536 MiB": "wrong", "1e9": "wrong", "NaN": "wrong", "12 34": "wrong", "5 parsecs": "wrong",
	} {
		v, unit, ok := number(s)
		got := "none"
		switch {
		case !ok:
			got = "wrong"
		case v != nil:
			got = opt(v)
			if unit != "" {
				got += " " + unit
			}
		}
		if got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}

// TestLarge shows that output which is large and means nothing costs little time.
func TestLarge(t *testing.T) {
	for _, unit := range []string{"0,\n", "| 0 a | b | c |\n", "DEV ID 0\n", "00000000:03:00.0 0\n", "handle for GPU", "0    M  |0|0\n", `{"a":"b""c":`} {
		out := bytes.Repeat([]byte(unit), maxOutput/8/len(unit)) // enough to show what is not linear
		ask := func(context.Context, string, ...string) ([]byte, error) { return out, nil }
		for _, d := range drivers() {
			var cards []Card
			took := time.Hour
			for tries := 0; took > 2*time.Second && tries < 5; tries++ { // the machine may be busy
				start := time.Now()
				cards, _ = d.read(t.Context(), ask, request{usage: true, bus: []string{"0000:18:00.0", "0000:3b:00.0"}})
				took = min(took, time.Since(start))
			}
			if took > 2*time.Second || len(cards) > 2*maxCards {
				t.Errorf("%T makes %d cards of %q in %v", d, len(cards), unit, took)
			}
		}
	}
}

// TestDecode mends what hy-smi forgets, and skips what is around the document.
func TestDecode(t *testing.T) {
	if v, err := decode([]byte("warning: x\n" + `{"a": "","b": "c""d": "e\"","f": ""}` + "\nbye")); err != nil || text(find(v, "d")) != `e"` || text(find(v, "f")) != "" {
		t.Errorf("%v, %v", v, err)
	}
}
