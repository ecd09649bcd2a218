package sample

import "math"

// Logprob is a token with the natural logarithm of its probability, as the
// model gave it at temperature 1.
type Logprob struct {
	Token   int32
	Logprob float64
}

// logprobs appends the log probability of token to dst, then those of the n
// likeliest, the likeliest first and of equals the lowest number.
func logprobs(dst []Logprob, logits []float32, token int32, n int) []Logprob {
	best := float64(logits[highest(logits)])
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - best)
	}
	base := best + math.Log(sum)
	dst = append(dst, Logprob{token, float64(logits[token]) - base})
	top := len(dst)
	for i, v := range logits {
		p := Logprob{int32(i), float64(v) - base}
		if len(dst)-top == n {
			if n == 0 || p.Logprob <= dst[len(dst)-1].Logprob {
				continue
			}
			dst = dst[:len(dst)-1]
		}
		at := len(dst)
		for at > top && dst[at-1].Logprob < p.Logprob {
			at--
		}
		dst = append(dst, Logprob{})
		copy(dst[at+1:], dst[at:])
		dst[at] = p
	}
	return dst
}
