package infer

import (
	"errors"
	"fmt"
	"math"

	"sluice/infer/gguf"
)

// rope says how positions turn the heads (RoFormer, arXiv 2104.09864), and how
// they are stretched for contexts longer than the model was first trained on.
type rope struct {
	base     float64
	scaling  string // none, linear or yarn
	factor   float64
	original float64 // the context before it was stretched
	// YaRN's: how far attention is sharpened beside its own formula, and the
	// turns over the original context at which stretching ends and begins.
	sharpen, fast, slow float64
}

// readRope reads the keys of rope. Scaling types other than linear and yarn are
// refused; llama3's is no type but a tensor, rope_freqs.
func readRope(r *shapeReader, s shape) rope {
	p := rope{base: r.float("rope.freq_base", 10000), scaling: "none", factor: 1, sharpen: 1, fast: 32, slow: 1}
	switch scaling, err := r.file.String(r.arch + ".rope.scaling.type"); {
	case errors.Is(err, gguf.ErrNoKey):
	case err != nil:
		r.err = errors.Join(r.err, err)
	default:
		p.scaling = scaling
	}
	switch p.scaling {
	case "none":
		if old := r.arch + ".rope.scale_linear"; p.legacy(r.file, old) { // what files had before there were types
			p.scaling, p.factor = "linear", r.float("rope.scale_linear", 1)
		}
	case "linear":
		p.factor = r.float("rope.scaling.factor", 0)
	case "yarn":
		p.factor = r.float("rope.scaling.factor", 0)
		p.original = float64(r.size("rope.scaling.original_context_length", maxContext, s.context))
		p.sharpen = r.float("rope.scaling.attn_factor", 1)
		p.fast = r.float("rope.scaling.yarn_beta_fast", 32)
		p.slow = r.float("rope.scaling.yarn_beta_slow", 1)
	default:
		r.err = errors.Join(r.err, fmt.Errorf("RoPE scaling %q is not supported, only linear, yarn and llama3's factors", p.scaling))
	}
	return p
}

func (rope) legacy(f *gguf.File, key string) bool {
	_, err := f.Float(key)
	return err == nil
}

// frequencies returns by how many radians each pair of a head turns from one
// token to the next, and what cosines and sines are multiplied by. divisors,
// one for each pair or none, are those of llama3's tensor.
func (p rope) frequencies(rotated int, divisors []float32) (radians []float64, size float64) {
	low, high := 0.0, 0.0
	if p.scaling == "yarn" {
		low, high = p.ramp(rotated)
	}
	for i := range rotated / 2 {
		own := math.Pow(p.base, -2*float64(i)/float64(rotated))
		if divisors != nil {
			own /= float64(divisors[i])
		}
		stretched := own / p.factor
		if p.scaling == "yarn" {
			keep := 1 - min(max((float64(i)-low)/max(0.001, high-low), 0), 1)
			stretched = stretched*(1-keep) + own*keep
		}
		radians = append(radians, stretched)
	}
	if p.scaling == "yarn" {
		return radians, p.sharpen * (1 + 0.1*math.Log(p.factor))
	}
	return radians, 1
}

// ramp returns between which pairs YaRN goes over from keeping a frequency to
// stretching it (arXiv 2309.00071, section 3.2; whole pairs as in its code).
func (p rope) ramp(rotated int) (low, high float64) {
	pair := func(turns float64) float64 {
		return float64(rotated) * math.Log(p.original/(turns*2*math.Pi)) / (2 * math.Log(p.base))
	}
	return max(0, math.Floor(pair(p.fast))), min(float64(rotated-1), math.Ceil(pair(p.slow)))
}
