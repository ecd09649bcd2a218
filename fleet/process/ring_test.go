package process

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// texts are the lines that a ring keeps.
func texts(r *ring) (all []string) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, l := range r.after(ctx, 0) {
		all = append(all, l.Text)
	}
	return all
}

func TestRing(t *testing.T) {
	r := newRing()
	for _, piece := range []string{"one\ntw", "o\n\n   \n", "\x1b[31mred\x1b[0m\r\n", "bad \xff\x00\x07 end\n", strings.Repeat("é", lineBytes), "\nlast"} {
		if n, err := r.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Errorf("%d of %d are taken: %v", n, len(piece), err)
		}
	}
	got := texts(r)
	if len(got) != 5 || got[0] != "one" || got[1] != "two" || got[2] != "red" || got[3] != "bad � end" || !strings.HasSuffix(got[4], "é…") || len(got[4]) > lineBytes+8 {
		t.Errorf("the lines are %q", got)
	}
	r.begin("a word of ours")
	got = texts(r)
	if tail := got[len(got)-2:]; tail[0] != "last" || tail[1] != "[sluice] a word of ours" {
		t.Errorf("the end is %q", tail)
	}
	if r.last() != "" {
		t.Errorf("nothing was written since, and the last is %q", r.last())
	}
	_, _ = r.Write([]byte("its last words\n"))
	if r.last() != "its last words" {
		t.Errorf("the last is %q", r.last())
	}
}

// TestRingBound shows that what is kept is bounded, and that no line is kept half.
func TestRingBound(t *testing.T) {
	r := newRing()
	for range 1000 {
		_, _ = r.Write([]byte(strings.Repeat("y", 999) + "\n"))
	}
	size := 0
	for _, l := range texts(r) {
		if len(l) != 999 {
			t.Fatalf("a line of %d bytes", len(l))
		}
		size += len(l)
	}
	if size > ringBytes || size < ringBytes-1000 {
		t.Errorf("%d bytes are kept", size)
	}
}

func TestRingFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing()
		go func() {
			time.Sleep(time.Minute)
			_, _ = r.Write([]byte("a\nb\n"))
		}()
		begun := time.Now()
		if lines := r.after(t.Context(), 0); len(lines) == 0 || lines[0] != (Line{1, "a"}) || time.Since(begun) != time.Minute {
			t.Errorf("%v after %v", lines, time.Since(begun))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if lines := r.after(ctx, 2); len(lines) != 0 || time.Since(begun) != time.Minute+time.Second {
			t.Errorf("%v after %v", lines, time.Since(begun))
		}
	})
}

// TestLoaded reads how far loading is from lines as engines write them.
func TestLoaded(t *testing.T) {
	r := newRing()
	for line, want := range map[string]int{
		"Loading safetensors checkpoint shards:  25% Completed | 1/4 [00:01<00:03,  1.00s/it]": 25, // vLLM, SGLang
		"Loading pt checkpoint shards: 100% Completed | 2/2":                                   100,
		"Multi-thread loading shards:  50% Completed | 4/8":                                    50,
		"Loading weights: 7%":                                    7,
		"load_tensors: 12.5 % of the file":                       12,
		"GPU KV cache usage: 3.1%, prefix cache hit rate: 40.0%": -1,
		"Capturing CUDA graphs: 10%":                             -1,
		"Loading: 250%":                                          -1,
		"loaded 5 tensors":                                       -1,
		"INFO 11-22 Avg prompt throughput: 10.0 tokens/s, Running: 1 reqs, GPU KV cache usage: 0.1%": -1,
	} {
		got, ok := r.loaded(line)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q says %d, not %d", line, got, want)
		}
	}
	_, _ = r.Write([]byte("Loading weights: 30%\rLoading weights: 60%\r"))
	if r.loading() != 60 {
		t.Errorf("loading is at %d", r.loading())
	}
	r.begin("again")
	if r.loading() != -1 {
		t.Errorf("loading is at %d after a new beginning", r.loading())
	}
}
