package kernel

import "math"

// Dot is the dot product of two vectors of equal length. Four sums run side by
// side, since one would wait for each addition.
//
//go:norace
func (p *Pool) Dot(a, b []float32) float32 { return dot(a, b) }

//go:norace
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

// AddScaled adds scale times x to out, value by value.
//
//go:norace
func (p *Pool) AddScaled(out, x []float32, scale float32) {
	x = x[:len(out)]
	for i := range out {
		out[i] += float32(scale * x[i])
	}
}

// Add adds x to out, value by value.
//
//go:norace
func (p *Pool) Add(out, x []float32) {
	x = x[:len(out)]
	for i := range out {
		out[i] += x[i]
	}
}

// Softmax replaces x by its softmax: exp(x), scaled so that the sum is one.
//
//go:norace
func (p *Pool) Softmax(x []float32) {
	highest := float32(math.Inf(-1))
	for _, v := range x {
		highest = max(highest, v)
	}
	var total float32
	for i, v := range x {
		x[i] = float32(math.Exp(float64(v - highest)))
		total += x[i]
	}
	for i := range x {
		x[i] /= total
	}
}

// SwiGLU replaces gate by silu(gate) * up, value by value, where silu(x) is
// x / (1 + exp(-x)) (Shazeer, arXiv 2002.05202).
//
//go:norace
func (p *Pool) SwiGLU(gate, up []float32) {
	up = up[:len(gate)]
	for i, v := range gate {
		gate[i] = v / (1 + float32(math.Exp(-float64(v)))) * up[i]
	}
}

// RMSNorm sets out to x * weight / sqrt(mean(x^2) + epsilon) (Zhang and
// Sennrich, arXiv 1910.07467). The three have equal length; out may be x.
//
//go:norace
func (p *Pool) RMSNorm(out, x, weight []float32, epsilon float32) {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	scale := float32(1 / math.Sqrt(sum/float64(len(x))+float64(epsilon)))
	for i, v := range x {
		out[i] = v * scale * weight[i]
	}
}

// Rotate turns pairs of a head by the angles whose cosines and sines are given,
// one for each pair. In this pairing, that of NeoX, value j goes with value
// j + len(cos); what stands behind the pairs stays.
//
//go:norace
func (p *Pool) Rotate(head, cos, sin []float32) {
	pairs := len(cos)
	low, high := head[:pairs], head[pairs:2*pairs]
	for j, c := range cos {
		s, a, b := sin[j], low[j], high[j]
		low[j], high[j] = float32(a*c)-float32(b*s), float32(a*s)+float32(b*c)
	}
}

// RotateAdjacent is Rotate with the pairing of Llama's files, where value 2j
// goes with value 2j + 1.
//
//go:norace
func (p *Pool) RotateAdjacent(head, cos, sin []float32) {
	for j, c := range cos {
		s, a, b := sin[j], head[2*j], head[2*j+1]
		head[2*j], head[2*j+1] = float32(a*c)-float32(b*s), float32(a*s)+float32(b*c)
	}
}
