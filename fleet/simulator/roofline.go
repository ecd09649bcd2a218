package simulator

import (
	"math"
	"time"
)

// How much of a data sheet's figures an engine reaches, and what it loses
// between its kernels.
const (
	// defaultMBU is the part of the memory bandwidth that is used (aiconfigurator).
	defaultMBU = 0.8
	// defaultMFU is the part of the FLOPS that is used: an assumption for large
	// matrices on one machine. DeepSeek's published day comes to 0.15 over many.
	defaultMFU = 0.5
	// memoryShare of the chips' memory holds weights and KV cache, the rest is
	// for activations and the runtime (the default of vLLM).
	memoryShare = 0.9
	// kernelOverhead is lost at each of a layer's kernelsPerLayer launches
	// (3 µs by aiconfigurator; ten a layer is an assumption).
	kernelOverhead  = 3 * time.Microsecond
	kernelsPerLayer = 10
)

// Roofline is a model on one or more chips that work as one (tensor parallel).
type Roofline struct {
	Chip  Chip
	Count int // chips
	Shape Shape
	MBU   float64 // part of the memory bandwidth that is reached, 0 to 1
	MFU   float64 // part of the FLOPS that is reached, 0 to 1
}

// NewRoofline puts the shape on count chips, and when count is zero on the
// smallest power of two that holds the weights and one full context.
func NewRoofline(chip Chip, count int, shape Shape) Roofline {
	r := Roofline{Chip: chip, Count: count, Shape: shape, MBU: defaultMBU, MFU: defaultMFU}
	if count == 0 {
		for r.Count = 1; r.KVTokens() < shape.Context; {
			r.Count *= 2
		}
	}
	return r
}

// KVTokens is how many tokens the KV cache holds; not positive when the
// weights alone do not fit.
func (r *Roofline) KVTokens() int {
	room := memoryShare*r.Chip.Memory*float64(r.Count) - r.Shape.Params
	return int(math.Floor(room / r.Shape.KVBytes))
}

// Work is what one step of an engine computes.
type Work struct {
	Tokens int   // tokens that pass through the model: prompt chunks, and one per sequence that decodes
	Read   int64 // tokens read from the KV cache
	Pairs  int64 // (token, token it looks at) pairs in attention
}

// add puts n tokens of a sequence that has already computed done into the work.
func (w *Work) add(done, n int) {
	d, k := int64(done), int64(n)
	w.Tokens += n
	w.Read += d + k
	w.Pairs += k*d + k*(k+1)/2
}

// StepTime is how long the work takes by the roofline model: the longer of
// moving the bytes and computing the operations, and the launching of kernels.
//
//	bytes = weights that are touched + KV bytes × (tokens read + tokens written)
//	work  = 2 × active parameters × tokens + attention FLOPs × pairs
func (r *Roofline) StepTime(w Work) time.Duration {
	s, n := &r.Shape, float64(r.Count)
	bytes := s.weightBytes(w.Tokens) + s.KVBytes*float64(w.Read+int64(w.Tokens))
	flops := 2*s.Active*float64(w.Tokens) + s.AttentionFLOPs*float64(w.Pairs)
	seconds := max(bytes/(r.Chip.Bandwidth*r.MBU*n), flops/(r.Chip.FLOPS*r.MFU*n))
	return time.Duration(math.Round(seconds*1e9)) + time.Duration(s.Layers*kernelsPerLayer)*kernelOverhead
}
