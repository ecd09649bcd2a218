package page

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestPoolIsTheContent plays sequences of a few tokens against a pool, and
// keeps beside it what each page holds: a page that a table has must hold the
// table's tokens under the table's salt, whatever was shared, grown, filled,
// closed and forgotten before; and no page is lost.
func TestPoolIsTheContent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 4
		n := rapid.IntRange(3, 12).Draw(t, "pages")
		p := NewPool(n, size)
		type sequence struct {
			salt   string
			tokens []int32
			table  *Table
		}
		type content struct {
			salt   string
			tokens []int32 // of the sequence up to the page's end
		}
		holds := map[ID]content{}
		var open []*sequence
		t.Repeat(map[string]func(*rapid.T){
			"open": func(t *rapid.T) {
				s := &sequence{salt: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "salt")}
				s.tokens = rapid.SliceOfN(rapid.Int32Range(0, 1), 1, 14).Draw(t, "tokens")
				most := len(s.tokens) - 1
				found, idle := p.Match(s.salt, s.tokens, most)
				free := p.Free()
				s.table = p.Open(s.salt, s.tokens, most)
				if s.table.Computed() != found || p.Free() != free-idle || found > most {
					t.Fatalf("%d computed, Match said %d; %d free of %d, Match said %d idle", s.table.Computed(), found, p.Free(), free, idle)
				}
				for i, id := range s.table.Pages() {
					c := holds[id]
					if c.salt != s.salt || !slices.Equal(c.tokens, s.tokens[:(i+1)*size]) {
						t.Fatalf("page %d of %q %v holds %q %v", i, s.salt, s.tokens, c.salt, c.tokens)
					}
				}
				open = append(open, s)
			},
			"grow and fill": func(t *rapid.T) {
				if len(open) == 0 {
					t.Skip("nothing is open")
				}
				s := rapid.SampledFrom(open).Draw(t, "sequence")
				old, free := len(s.table.Pages()), p.Free()
				missing := s.table.Missing(len(s.tokens))
				if ok := s.table.Grow(len(s.tokens)); ok != (missing <= free) {
					t.Fatalf("Grow by %d of %d free is %v", missing, free, ok)
				} else if !ok {
					return
				}
				for i, id := range s.table.Pages()[old:] {
					end := min((old+i+1)*size, len(s.tokens))
					holds[id] = content{s.salt, slices.Clone(s.tokens[:end])}
				}
				last := s.table.Pages()[len(s.table.Pages())-1] // it may have been half full
				if s.table.Computed() < len(s.tokens) {
					holds[last] = content{s.salt, slices.Clone(s.tokens)}
				}
				s.table.Fill(s.tokens)
			},
			"append": func(t *rapid.T) {
				if len(open) == 0 {
					t.Skip("nothing is open")
				}
				s := rapid.SampledFrom(open).Draw(t, "sequence")
				if len(s.tokens)%size != 0 { // no page is written behind what it was filled with
					s.tokens = append(s.tokens, rapid.Int32Range(0, 1).Draw(t, "token"))
				}
			},
			"close": func(t *rapid.T) {
				if len(open) == 0 {
					t.Skip("nothing is open")
				}
				i := rapid.IntRange(0, len(open)-1).Draw(t, "sequence")
				open[i].table.Close()
				open = slices.Delete(open, i, i+1)
			},
			"": func(t *rapid.T) {
				used := map[ID]bool{}
				for _, s := range open {
					for _, id := range s.table.Pages() {
						used[id] = true
					}
				}
				if len(used)+p.Free() != n {
					t.Fatalf("%d pages are used and %d free, of %d", len(used), p.Free(), n)
				}
			},
		})
	})
}

func TestSharedPagesAreForgottenLast(t *testing.T) {
	p := NewPool(4, 2)
	fill := func(salt string, tokens ...int32) *Table {
		table := p.Open(salt, tokens, len(tokens))
		if !table.Grow(len(tokens)) {
			t.Fatalf("no room for %v", tokens)
		}
		table.Fill(tokens)
		return table
	}
	fill("", 1, 1, 2, 2).Close()
	fill("", 3, 3).Close()
	fill("", 1, 1).Close() // used again: newer than 3, 3
	held := fill("other", 1, 1, 9, 9)
	for _, c := range []struct {
		tokens []int32
		want   int
	}{
		{[]int32{1, 1, 2, 2}, 2}, // its second page was the longest unused
		{[]int32{3, 3}, 2},
	} {
		if got, _ := p.Match("", c.tokens, 4); got != c.want {
			t.Errorf("%v: %d tokens are known, want %d", c.tokens, got, c.want)
		}
	}
	if p.Free() != 2 || p.Known() != 4 {
		t.Errorf("%d free, %d known", p.Free(), p.Known())
	}
	held.Close()
	if p.Free() != 4 {
		t.Errorf("%d free at the end", p.Free())
	}
}
