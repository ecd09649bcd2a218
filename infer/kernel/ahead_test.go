package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"

	"sluice/infer/gguf"
)

// TestAheadIsWhatAWorkerReadsFirst holds what is read ahead to the piece of the
// job that a worker begins with.
func TestAheadIsWhatAWorkerReadsFirst(t *testing.T) {
	if Best() == Portable {
		t.Skip("plain Go has no packed weights")
	}
	r := rand.New(rand.NewPCG(3, 4))
	for _, threads := range []int{1, 2, 3, 7} {
		p := NewPool(threads)
		defer p.Close()
		var matrices []Matrix
		var all [][]byte // of each piece, in the order of the job
		for _, rows := range []int{640, 320, 48} {
			m, err := Load(p, tensor(r, gguf.Q8_0, rows, 256), rows, 256)
			if err != nil {
				t.Fatal(err)
			}
			packed := m.(*packedMatrix)
			matrices = append(matrices, m)
			c := p.cut(packed)
			for i := range c.pieces {
				all = append(all, packed.data[i*c.per*packed.groupBytes():])
			}
		}
		a := p.NewAhead(matrices...)
		for w, share := range a.shares {
			first := all[len(all)*w/threads]
			if len(share) == 0 || &share[0] != &first[0] || len(share) > aheadBytes {
				t.Errorf("%d threads: worker %d reads %d bytes, and not those of its first piece", threads, w, len(share))
			}
		}
	}
}

// TestWaitingWorkersReadAhead: a worker reads its share to the end, once, and
// products beside it stay what they are.
func TestWaitingWorkersReadAhead(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	p := NewPool(3)
	defer p.Close()
	m, err := Load(p, tensor(r, gguf.Q4_K, 512, 512), 512, 512)
	if err != nil {
		t.Fatal(err)
	}
	x := packed(p, r, 2, 512)
	want, got := make([]float32, 2*512), make([]float32, 2*512)
	m.Mul(p, want, x)
	for range 50 {
		p.Expect(p.NewAhead(m))
		p.Run(8, func(int) {})
		m.Mul(p, got, x)
		if !slices.Equal(want, got) {
			t.Fatal("the product has changed")
		}
	}
	var ahead reader
	a := &Ahead{[][]byte{nil, slices.Repeat([]byte{1}, aheadStep+cacheLine)}}
	for i, want := range []bool{true, true, false, false} {
		if ahead.read(a, 1) != want {
			t.Errorf("step %d: %v", i, !want)
		}
	}
	if lines := byte(aheadStep/cacheLine + 1); ahead.sum != lines {
		t.Errorf("it has read %d lines, not %d", ahead.sum, lines)
	}
	if ahead.read(nil, 1) || ahead.read(a, 0) {
		t.Error("it reads what is not there")
	}
}
