package infer

// cache holds the keys and values of the tokens of one sequence. Each head of
// each layer has its own run of memory, since attention walks along it. It
// grows with the sequence, so a long context costs nothing until it is used.
type cache struct {
	keys, values [][]float32 // [layer*kvHeads+head], then token after token
}

func newCache(s shape) cache {
	runs := s.layers * s.kvHeads
	return cache{keys: make([][]float32, runs), values: make([][]float32, runs)}
}

// add appends one token's key and value for one head.
func (c *cache) add(run int, key, value []float32) {
	c.keys[run] = append(c.keys[run], key...)
	c.values[run] = append(c.values[run], value...)
}

// truncate forgets all but the first n tokens.
func (c *cache) truncate(n, headSize int) {
	for i := range c.keys {
		c.keys[i] = c.keys[i][:n*headSize]
		c.values[i] = c.values[i][:n*headSize]
	}
}
