package simulator

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestHashBlocks(t *testing.T) {
	text := bytes.Repeat([]byte("abcd"), 40) // two full blocks and a half
	hashes := HashBlocks(nil, "", text)
	if len(hashes) != 2 || hashes[0] == hashes[1] {
		t.Fatalf("hashes of equal blocks at different places: %x", hashes)
	}
	if longer := HashBlocks(nil, "", append(slices.Clone(text), text...)); !slices.Equal(longer[:2], hashes) {
		t.Error("a longer text does not begin with the hashes of its beginning")
	}
	if salted := HashBlocks(nil, "tenant", text); salted[0] == hashes[0] {
		t.Error("the salt changes nothing")
	}
	text[0]++
	if other := HashBlocks(nil, "", text); other[0] == hashes[0] || other[1] == hashes[1] {
		t.Error("a change at the beginning does not change every hash")
	}
}

func TestCacheSharesAndEvicts(t *testing.T) {
	c := newCache(4)
	a, ok := c.acquire([]uint64{1, 2}, 3)
	if !ok || len(a.blocks) != 0 || a.private != 3 {
		t.Fatalf("acquire in an empty cache: %+v, %v", a, ok)
	}
	if _, ok := c.acquire(nil, 2); ok {
		t.Fatal("acquired two of one free block")
	}
	c.commit(&a, []uint64{1, 2})
	b, ok := c.acquire([]uint64{1, 2}, 3) // shares two with a, and one is free
	if !ok || len(b.blocks) != 2 || c.leased != 4 {
		t.Fatalf("acquire of what runs: %+v, %v, leased %d", b, ok, c.leased)
	}
	c.release(&a)
	if c.leased != 3 || c.idle != 0 {
		t.Fatalf("after the first left: leased %d, idle %d", c.leased, c.idle)
	}
	c.release(&b)
	if c.leased != 0 || c.idle != 2 || c.hits([]uint64{1, 2, 3}) != 2 {
		t.Fatalf("after both left: leased %d, idle %d", c.leased, c.idle)
	}
	c.remember([]uint64{7, 8, 9}) // room for three besides one of the idle: the text's beginning stays
	if got := c.hits([]uint64{1, 2}); got != 1 {
		t.Errorf("hits of the older text = %d, want its beginning", got)
	}
	if got := c.hits([]uint64{7, 8, 9}); got != 3 {
		t.Errorf("hits of the newer text = %d", got)
	}
	c.remember([]uint64{1, 2, 3, 4, 5}) // does not fit
	if got := c.hits([]uint64{7, 8, 9}); got != 3 {
		t.Errorf("hits after one that does not fit = %d", got)
	}
}

// Random leases never overfill the cache, and what it says of itself is true.
func TestCacheProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCache(rapid.IntRange(1, 12).Draw(t, "capacity"))
		type holder struct {
			lease
			hashes []uint64
		}
		var held []*holder
		t.Repeat(map[string]func(*rapid.T){
			"acquire": func(t *rapid.T) {
				// Chains from a tree of texts: a hash stands for all that comes before it.
				var hashes []uint64
				chain := uint64(1)
				for _, branch := range rapid.SliceOfN(rapid.Uint64Range(0, 1), 0, 6).Draw(t, "text") {
					chain = chain*2 + branch
					hashes = append(hashes, chain)
				}
				hits := c.hits(hashes)
				total := len(hashes) + rapid.IntRange(0, 3).Draw(t, "more")
				if l, ok := c.acquire(hashes, total); ok {
					if len(l.blocks) != hits || len(l.blocks)+l.private != total {
						t.Fatalf("lease of %d with %d hits: %d blocks, %d private", total, hits, len(l.blocks), l.private)
					}
					held = append(held, &holder{l, hashes})
				} else if total <= c.capacity-c.leased {
					t.Fatalf("refused %d with %d of %d leased", total, c.leased, c.capacity)
				}
			},
			"commit": func(t *rapid.T) {
				if len(held) == 0 {
					t.Skip()
				}
				h := rapid.SampledFrom(held).Draw(t, "lease")
				c.commit(&h.lease, h.hashes[:rapid.IntRange(0, len(h.hashes)).Draw(t, "blocks")])
			},
			"release": func(t *rapid.T) {
				if len(held) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(held)-1).Draw(t, "lease")
				c.release(&held[i].lease)
				held = slices.Delete(held, i, i+1)
			},
			"": func(t *rapid.T) {
				leased, pinned := 0, map[*block]int{}
				for _, h := range held {
					leased += h.private
					for i, b := range h.blocks {
						pinned[b]++
						if b.hash != h.hashes[i] || c.index[b.hash] != b {
							t.Fatalf("block %d of a lease is %x, not %x", i, b.hash, h.hashes[i])
						}
					}
				}
				idle := 0
				for b := c.recent.next; b != &c.recent; b = b.next {
					idle++
					if b.leases != 0 || pinned[b] != 0 || c.index[b.hash] != b {
						t.Fatalf("idle block %x is leased or lost", b.hash)
					}
				}
				for b, n := range pinned {
					if b.leases != n {
						t.Fatalf("block %x: %d leases, counted %d", b.hash, n, b.leases)
					}
				}
				leased += len(pinned)
				if c.leased != leased || c.idle != idle || len(c.index) != idle+len(pinned) || leased+idle > c.capacity {
					t.Fatalf("leased %d (counted %d), idle %d (%d), known %d, capacity %d", c.leased, leased, c.idle, idle, len(c.index), c.capacity)
				}
			},
		})
	})
}
