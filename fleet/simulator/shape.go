package simulator

import (
	"math"
	"slices"
)

// Shape is what a model's size and architecture cost an engine. Weights are
// held in 8 bits, the KV cache in 16.
type Shape struct {
	Name    string
	Like    string  // the public model whose figures these are
	Params  float64 // all parameters; one byte each
	Active  float64 // parameters that one token is multiplied with
	Experts int     // routed experts a layer; 0 for a dense model
	Routed  int     // experts that one token is routed to
	Layers  int
	Context int // longest prompt and answer together, tokens

	// KVBytes is the size of one token in the KV cache: 2 (key and value) × KV
	// heads × head size × layers × 2 bytes, unless attention is compressed.
	KVBytes float64

	// AttentionFLOPs is the work of one token looking at one token: 2 (scores
	// and values) × 2 (multiply and add) × heads × head size × layers.
	AttentionFLOPs float64
}

// Shapes returns the models that can be simulated, in a new slice. The figures
// are those of the public models' configuration files.
func Shapes() []Shape {
	const k = 1024
	return []Shape{
		grouped(Shape{Name: "dense-8b", Like: "Llama 3.1 8B", Params: 8.03e9, Active: 8.03e9, Layers: 32, Context: 128 * k}, 32, 8),
		grouped(Shape{Name: "dense-32b", Like: "Qwen3 32B", Params: 32.8e9, Active: 32.8e9, Layers: 64, Context: 40 * k}, 64, 8),
		grouped(Shape{Name: "dense-70b", Like: "Llama 3.3 70B", Params: 70.6e9, Active: 70.6e9, Layers: 80, Context: 128 * k}, 64, 8),
		grouped(Shape{Name: "moe-30b-a3b", Like: "Qwen3 30B A3B", Params: 30.5e9, Active: 3.3e9, Experts: 128, Routed: 8, Layers: 48, Context: 40 * k}, 32, 4),
		grouped(Shape{Name: "moe-106b-a12b", Like: "GLM 4.5 Air", Params: 106e9, Active: 12e9, Experts: 128, Routed: 8, Layers: 46, Context: 128 * k}, 96, 8),
		{
			Name: "moe-671b-a37b", Like: "DeepSeek V3", Params: 671e9, Active: 37e9, Experts: 256, Routed: 8, Layers: 61, Context: 128 * k,
			// Latent attention: 512 + 64 numbers a layer stand for all of its 128
			// heads, and scores are taken over the 576, values over the 512.
			KVBytes: 61 * 576 * 2, AttentionFLOPs: 2 * 128 * (576 + 512) * 61,
		},
	}
}

// grouped completes s for grouped-query attention with heads of 128 numbers.
func grouped(s Shape, heads, kvHeads float64) Shape {
	const headSize = 128
	layers := float64(s.Layers)
	s.KVBytes = 2 * kvHeads * headSize * layers * 2
	s.AttentionFLOPs = 4 * heads * headSize * layers
	return s
}

// ShapeNamed returns the shape with the name; ok is false when there is none.
func ShapeNamed(name string) (shape Shape, ok bool) {
	shapes := Shapes()
	i := slices.IndexFunc(shapes, func(s Shape) bool { return s.Name == name })
	if i < 0 {
		return Shape{}, false
	}
	return shapes[i], true
}

// weightBytes is what a step over n tokens reads of the weights: everything
// that each token uses, and those experts to which at least one of the n is
// routed, expected under uniform routing.
func (s *Shape) weightBytes(n int) float64 {
	if s.Experts == 0 {
		return s.Params
	}
	share := float64(s.Routed) / float64(s.Experts)
	routed := (s.Params - s.Active) / (1 - share) // all parameters in routed experts
	touched := 1 - math.Pow(1-share, float64(n))
	return s.Params - routed + routed*touched
}
