package simulator

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		url  string
		want Config
	}{
		{"sim:h100", Config{Chip: "h100"}},
		{"sim:instant", Config{Chip: "instant"}},
		{"sim:h100?model=moe-106b-a12b&seed=1", Config{Chip: "h100", Model: "moe-106b-a12b", Seed: 1}},
		{"sim:pace?itl=10ms&ttft=1.5s", Config{Chip: "pace", ITL: 10 * time.Millisecond, TTFT: 1500 * time.Millisecond}},
		{"sim:instant?batch=16&tokens=1000&name=fast", Config{Chip: "instant", Batch: 16, Tokens: 1000, Name: "fast"}},
		{"sim:ascend-910c?chips=8&mbu=0.7&mfu=0.15&seats=64&queue=10&budget=4096&kv=100000", Config{
			Chip: "ascend-910c", Count: 8, MBU: 0.7, MFU: 0.15,
			Limits: Limits{Seats: 64, Queue: 10, Budget: 4096, KVTokens: 100_000},
		}},
		{"sim:instant?fault=die&after=5&every=3", Config{Chip: "instant", Fault: Fault{Kind: FaultDie, After: 5, Every: 3}}},
		{"sim:instant?fault=slow&delay=2s", Config{Chip: "instant", Fault: Fault{Kind: FaultSlow, Delay: 2 * time.Second}}},
	} {
		got, err := Parse(c.url)
		if err != nil || got != c.want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", c.url, got, err, c.want)
		}
		if _, err := New(got); err != nil {
			t.Errorf("New of %q: %v", c.url, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for url, says := range map[string]string{
		"":                                     `begins with "sim:"`,
		"http://h100":                          `begins with "sim:"`,
		"sim:":                                 "known: instant, pace, h100, h200",
		"sim:H100":                             `unknown chip "H100"`,
		"sim://h100":                           `unknown chip "//h100"`,
		"sim:h100?modle=dense-8b":              `unknown setting "modle" (known: after, batch,`,
		"sim:h100?model=dense-9b":              `unknown model "dense-9b" (known: dense-8b,`,
		"sim:h100?model=":                      "not a name",
		"sim:h100?seed=1&seed=2":               `"seed" is given 2 times`,
		"sim:h100?seed=-1":                     `seed="-1"`,
		"sim:h100?tokens=0":                    "whole number from 1",
		"sim:h100?seats=many":                  "whole number",
		"sim:h100?mbu=0":                       "from 0.01 to 1",
		"sim:h100?mfu=NaN":                     "from 0.01 to 1",
		"sim:h100?mfu=1.1":                     "from 0.01 to 1",
		"sim:h100?budget=10":                   "too small for 256 seats",
		"sim:h100?chips=1&model=moe-106b-a12b": "moe-106b-a12b does not fit on 1 × h100",
		"sim:h100?kv=1000000":                  "hold 488052 tokens",
		"sim:h100?itl=10ms":                    `belong to the chip "pace"`,
		"sim:h100?batch=2":                     `belongs to the chip "instant"`,
		"sim:instant?model=dense-8b":           `"instant" computes no model`,
		"sim:instant?ttft=1s":                  `belong to the chip "pace"`,
		"sim:pace?seats=5":                     `"pace" computes no model`,
		"sim:pace?itl=10":                      "not a duration",
		"sim:pace?itl=0s":                      "not a duration",
		"sim:pace?itl=10ms;ttft=1s":            "semicolon",
		"sim:instant?fault=explode":            "known: refuse html stall die malformed slow omit_usage",
		"sim:instant?after=3":                  "need a fault",
		"sim:instant?fault=refuse&after=3":     `after says nothing to the fault "refuse"`,
		"sim:instant?fault=stall&delay=1s":     `delay belongs to the fault "slow"`,
		"sim:instant?fault=die&every=0":        "whole number from 1",
		"sim:instant?name=two%20words":         "not a name",
		"sim:instant?tokens=5&tokens%3D6":      `unknown setting "tokens=6"`,
		"sim:instant?fault=die&after=1e3":      "whole number",
		"sim:instant?allow_fault_header=on":    "unknown setting",
	} {
		_, err := Parse(url)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "simulated engine") {
			t.Errorf("Parse(%q): %v, want an error that says %q", url, err, says)
		}
	}
}

func TestParseFault(t *testing.T) {
	for header, want := range map[string]Fault{
		"refuse":                  {Kind: FaultRefuse},
		"die; after=5":            {Kind: FaultDie, After: 5},
		"slow;after=2; delay=3ms": {Kind: FaultSlow, After: 2, Delay: 3 * time.Millisecond},
	} {
		if got, err := parseFault(header); err != nil || got != want {
			t.Errorf("parseFault(%q) = %+v, %v, want %+v", header, got, err, want)
		}
	}
	for _, header := range []string{"die; every=5", "die; after=5; after=6", "die after=5", "die;", "explode", "html; after=1", "die; after"} {
		if got, err := parseFault(header); err == nil {
			t.Errorf("parseFault(%q) = %+v", header, got)
		}
	}
}

// What Parse accepts, New builds.
func FuzzParse(f *testing.F) {
	f.Add("sim:h100?model=moe-106b-a12b&seed=1")
	f.Add("sim:pace?itl=10ms&fault=slow&after=3&every=2&delay=1s")
	f.Add("sim:b200?chips=2&kv=100&seats=1&budget=1&mbu=0.01")
	f.Fuzz(func(t *testing.T, url string) {
		cfg, err := Parse(url)
		if err != nil {
			return
		}
		if _, err := New(cfg); err != nil {
			t.Errorf("Parse accepts %q and New does not: %v", url, err)
		}
	})
}
