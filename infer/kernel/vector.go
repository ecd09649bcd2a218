package kernel

import "math"

// Dot is the dot product of two vectors of equal length. Four sums run side by
// side, since one would wait for each addition.
//
//go:norace
func (p *Pool) Dot(a, b []float32) float32 {
	n := p.wide(len(a))
	b = b[:len(a)]
	if n == 0 {
		return dot(a, b)
	}
	return avx2Dot(&a[0], &b[0], n) + dot(a[n:], b[n:])
}

// wide is how many of n values the vector functions in assembly take, and the
// loops behind them need not.
func (p *Pool) wide(n int) int {
	if p.set == AVX2 || p.set == AVX512 {
		return n &^ 7
	}
	return 0
}

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
	n := p.wide(len(out))
	if n > 0 {
		avx2AddScaled(&out[0], &x[0], n, scale)
	}
	for i := n; i < len(out); i++ {
		out[i] += float32(scale * x[i])
	}
}

// Add adds x to out, value by value.
//
//go:norace
func (p *Pool) Add(out, x []float32) {
	x = x[:len(out)]
	n := p.wide(len(out))
	if n > 0 {
		avx2AddScaled(&out[0], &x[0], n, 1)
	}
	for i := n; i < len(out); i++ {
		out[i] += x[i]
	}
}

// Softmax replaces x by its softmax: exp(x), scaled so that the sum is one.
//
//go:norace
func (p *Pool) Softmax(x []float32) {
	highest := float32(math.Inf(-1))
	n := p.wide(len(x))
	if n > 0 {
		highest = avx2Largest(&x[0], n)
	}
	for _, v := range x[n:] {
		highest = max(highest, v)
	}
	var total float32
	if n > 0 {
		total = avx2ExpSum(&x[0], n, highest)
	}
	for i := n; i < len(x); i++ {
		x[i] = float32(math.Exp(float64(x[i] - highest)))
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
	n := p.wide(len(gate))
	if n > 0 {
		avx2SwiGLU(&gate[0], &up[0], n)
	}
	for i := n; i < len(gate); i++ {
		v := gate[i]
		gate[i] = v / (1 + float32(math.Exp(-float64(v)))) * up[i]
	}
}

// RMSNorm sets out to x * weight / sqrt(mean(x^2) + epsilon) (Zhang and
// Sennrich, arXiv 1910.07467). The three have equal length; out may be x.
//
//go:norace
func (p *Pool) RMSNorm(out, x, weight []float32, epsilon float32) {
	out, weight = out[:len(x)], weight[:len(x)]
	var sum float64
	n := p.wide(len(x))
	if n > 0 {
		sum = float64(avx2Dot(&x[0], &x[0], n))
	}
	for _, v := range x[n:] {
		sum += float64(v) * float64(v)
	}
	scale := float32(1 / math.Sqrt(sum/float64(len(x))+float64(epsilon)))
	if n > 0 {
		avx2Scale(&out[0], &x[0], &weight[0], n, scale)
	}
	for i := n; i < len(x); i++ {
		out[i] = x[i] * scale * weight[i]
	}
}

// Rotate turns pairs of a head by the angles whose cosines and sines are given,
// one for each pair. In this pairing, that of NeoX, value j goes with value
// j + len(cos); what stands behind the pairs stays.
//
//go:norace
func (p *Pool) Rotate(head, cos, sin []float32) {
	pairs := len(cos)
	low, high, sin := head[:pairs], head[pairs:2*pairs], sin[:pairs]
	n := p.wide(pairs)
	if n > 0 {
		avx2Rotate(&low[0], &high[0], &cos[0], &sin[0], n)
	}
	for j := n; j < pairs; j++ {
		c, s, a, b := cos[j], sin[j], low[j], high[j]
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
