package simulator

import (
	"testing"
	"time"
)

// The times are computed by hand from the tables: bytes / (bandwidth × 0.8)
// or work / (FLOPS × 0.5), whichever is longer, and 30 µs a layer.
func TestStepTime(t *testing.T) {
	decode := func(sequences, context int) (w Work) {
		for range sequences {
			w.add(context-1, 1)
		}
		return w
	}
	prompt := func(tokens int) (w Work) {
		w.add(0, tokens)
		return w
	}
	for _, c := range []struct {
		name        string
		chip, shape string
		count       int
		work        Work
		want        time.Duration
	}{
		// 8.03 GB + 131072 B × 1001 over 2.68 TB/s
		{"one decodes, memory bound", "h100", "dense-8b", 1, decode(1, 1000), 3_045_225 + 960_000},
		// 2 × 8.03e9 × 8192 + 524288 × 8192 × 8193 / 2 over 989 TFLOPS
		{"a prompt, compute bound", "h100", "dense-8b", 1, prompt(8192), 150_816_839 + 960_000},
		// 12 GB + 188416 B × 5001 over 5.36 TB/s
		{"one token meets 8 of 128 experts", "h100", "moe-106b-a12b", 2, decode(1, 5000), 2_414_602 + 1_380_000},
		{"64 tokens meet nearly all of them", "h100", "moe-106b-a12b", 2, decode(64, 5000), 30_726_372 + 1_380_000},
		{"a prompt on four H20", "h20", "moe-106b-a12b", 4, prompt(8192), 460_276_289 + 1_380_000},
		{"latent attention", "h200", "moe-671b-a37b", 8, decode(1, 1000), 1_206_717 + 1_830_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			chip, ok1 := ChipNamed(c.chip)
			shape, ok2 := ShapeNamed(c.shape)
			if !ok1 || !ok2 {
				t.Fatal("no such chip or shape")
			}
			r := NewRoofline(chip, c.count, shape)
			if got := r.StepTime(c.work); got != c.want {
				t.Errorf("StepTime(%+v) = %v, want %v", c.work, got, c.want)
			}
		})
	}
}

func TestWorkOfChunksIsWorkOfWhole(t *testing.T) {
	var whole, chunks Work
	whole.add(0, 1000)
	chunks.add(0, 300)
	chunks.add(300, 300)
	chunks.add(600, 400)
	if whole.Tokens != chunks.Tokens || whole.Pairs != chunks.Pairs {
		t.Errorf("in chunks %+v, at once %+v", chunks, whole)
	}
	if want := int64(1000 * 1001 / 2); whole.Pairs != want {
		t.Errorf("pairs = %d, want %d", whole.Pairs, want)
	}
}

func TestChipsNeeded(t *testing.T) {
	for _, c := range []struct {
		chip, shape     string
		count, kvTokens int
	}{
		{"h100", "dense-8b", 1, 488_052},
		{"h100", "moe-106b-a12b", 2, 201_681},
		{"h20", "moe-106b-a12b", 2, 354_534},
		{"h200", "moe-671b-a37b", 8, 4_898_110},
	} {
		chip, _ := ChipNamed(c.chip)
		shape, _ := ShapeNamed(c.shape)
		r := NewRoofline(chip, 0, shape)
		if r.Count != c.count || r.KVTokens() != c.kvTokens {
			t.Errorf("%s on %s: %d chips with %d tokens, want %d with %d", c.shape, c.chip, r.Count, r.KVTokens(), c.count, c.kvTokens)
		}
	}
}

// Every model fits on every chip in some number, and no figure is missing.
func TestTables(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Chips() {
		if c.Memory <= 0 || c.Bandwidth <= 0 || c.FLOPS <= 0 || c.Watts <= 0 || c.Title == "" || c.Source == "" || seen[c.Name] {
			t.Errorf("incomplete or repeated chip: %+v", c)
		}
		seen[c.Name] = true
		for _, s := range Shapes() {
			r := NewRoofline(c, 0, s)
			if r.KVTokens() < s.Context {
				t.Errorf("%s on %d × %s: %d tokens", s.Name, r.Count, c.Name, r.KVTokens())
			}
		}
	}
	for _, s := range Shapes() {
		if s.Params < s.Active || s.Active <= 0 || s.Layers <= 0 || s.Context <= 0 || s.KVBytes <= 0 || s.AttentionFLOPs <= 0 || s.Like == "" || seen[s.Name] {
			t.Errorf("incomplete or repeated shape: %+v", s)
		}
		seen[s.Name] = true
		if s.weightBytes(1) > s.Params || s.weightBytes(1) < s.Active*0.999 || s.weightBytes(1<<20) > s.Params*1.001 {
			t.Errorf("%s: weights touched by one token %g, by many %g", s.Name, s.weightBytes(1), s.weightBytes(1<<20))
		}
	}
}
