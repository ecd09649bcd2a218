package infer

import (
	"sluice/infer/kernel"
	"sluice/infer/page"
)

// cache is the memory behind the pages of keys and values. A page holds
// kernel.PageTokens tokens for all key heads of all layers. It gets its memory
// when it is first written to, and keeps it.
type cache struct {
	runs   int // layers x key heads
	floats int // of one run in a page
	pages  [][]float32
}

func newCache(s shape, pages int) cache {
	return cache{runs: s.layers * s.kvHeads, floats: kernel.PageFloats(s.headSize), pages: make([][]float32, pages)}
}

// pageBytes is the size of a page.
func (s shape) pageBytes() int64 {
	return 4 * int64(s.layers) * int64(s.kvHeads) * int64(kernel.PageFloats(s.headSize))
}

// cacheBytes is what keys and values of so many tokens take.
func (s shape) cacheBytes(tokens int) int64 {
	return (int64(tokens) + kernel.PageTokens - 1) / kernel.PageTokens * s.pageBytes()
}

// hold gives pages their memory.
func (c *cache) hold(ids []page.ID) {
	for _, id := range ids {
		if c.pages[id] == nil {
			c.pages[id] = kernel.NewPages(c.runs * c.floats)
		}
	}
}

// at is the part of a page that belongs to a run.
func (c *cache) at(id page.ID, run int) []float32 { return c.pages[id][run*c.floats:][:c.floats] }

// view appends the parts of pages that belong to a run to dst.
func (c *cache) view(dst [][]float32, ids []page.ID, run int) [][]float32 {
	for _, id := range ids {
		dst = append(dst, c.at(id, run))
	}
	return dst
}
