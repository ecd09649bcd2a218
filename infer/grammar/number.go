package grammar

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxInteger has 18 digits, all nines: the largest integer allowed where the
// schema has no bound, well within 64 bits.
const maxInteger = 999_999_999_999_999_999

// maxWhole is the same for the part of other numbers before the point.
const maxWhole = 999_999_999_999_999

// digits takes from min to max digits.
func (b *builder) digits(min, max int, next int32) int32 {
	return b.repeat(min, max, next, func(next int32) int32 { return b.take('0', '9', next) })
}

// number takes any number.
func (b *builder) number(next int32) int32 {
	return b.shareCall("number", next, func(end int32) int32 {
		exponent := b.either(end, b.one("eE", b.either(
			b.digits(1, 2, end), b.one("+-", b.digits(1, 2, end)))))
		fraction := b.either(exponent, b.take('.', '.', b.digits(1, 15, exponent)))
		whole := b.either(b.take('0', '0', fraction), b.take('1', '9', b.digits(0, 14, fraction)))
		return b.either(whole, b.take('-', '-', whole))
	})
}

// integers takes an integer from low to high.
func (b *builder) integers(low, high int64, next int32) int32 {
	var paths []int32
	if high >= 0 {
		paths = append(paths, b.naturals(max(low, 0), high, next))
	}
	if low < 0 {
		paths = append(paths, b.take('-', '-', b.naturals(max(1, -high), -low, next)))
	}
	return b.either(paths...)
}

// naturals takes an integer from low to high, neither below 0.
func (b *builder) naturals(low, high int64, next int32) int32 {
	var paths []int32
	for low <= high {
		digits := len(strconv.FormatInt(low, 10))
		last := min(high, power10(digits)-1)
		paths = append(paths, b.between(strconv.FormatInt(low, 10), strconv.FormatInt(last, 10), next))
		low = last + 1
	}
	return b.either(paths...)
}

// power10 is 10 to the n, or the largest number where that is more.
func power10(n int) int64 {
	if n > 18 {
		return math.MaxInt64
	}
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// between takes the numbers of the same count of digits from low to high.
func (b *builder) between(low, high string, next int32) int32 {
	switch {
	case low == "":
		return next
	case low[0] == high[0]:
		return b.take(low[0], low[0], b.between(low[1:], high[1:], next))
	}
	rest := len(low) - 1
	zeros, nines := strings.Repeat("0", rest), strings.Repeat("9", rest)
	from, to := low[0], high[0]
	var paths []int32
	if low[1:] != zeros {
		paths = append(paths, b.take(from, from, b.between(low[1:], nines, next)))
		from++
	}
	if high[1:] != nines {
		paths = append(paths, b.take(to, to, b.between(zeros, high[1:], next)))
		to--
	}
	if from <= to {
		paths = append(paths, b.take(from, to, b.digits(rest, rest, next)))
	}
	return b.either(paths...)
}

// decimals takes a number from low to high, both whole, without an exponent.
func (b *builder) decimals(low, high int64, next int32) int32 {
	var paths []int32
	if high >= 0 {
		paths = append(paths, b.magnitudes(max(low, 0), high, next))
	}
	if low < 0 {
		paths = append(paths, b.take('-', '-', b.magnitudes(max(0, -high), -low, next)))
	}
	return b.either(paths...)
}

// magnitudes takes a number from low to high, neither below 0.
func (b *builder) magnitudes(low, high int64, next int32) int32 {
	zeros := b.repeat(0, 15, next, func(next int32) int32 { return b.take('0', '0', next) })
	whole := b.either(next, b.take('.', '.', b.take('0', '0', zeros)))
	paths := []int32{b.naturals(high, high, whole)}
	if low < high {
		fraction := b.either(next, b.take('.', '.', b.digits(1, 15, next)))
		paths = append(paths, b.naturals(low, high-1, fraction))
	}
	return b.either(paths...)
}

// bounds are the limits of a numeric schema.
type bounds struct {
	low, high int64
	bounded   bool
}

// readBounds reads minimum, maximum and their exclusive forms. For integers
// any number will do; for others they must be whole and inclusive, since an
// automaton for the rest is more than this package takes on.
func readBounds(s *value, integer bool) (bounds, error) {
	limit := int64(maxWhole)
	if integer {
		limit = maxInteger
	}
	out := bounds{low: -limit, high: limit}
	for _, name := range []string{"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"} {
		v := s.members[name]
		if v == nil {
			continue
		}
		f, err := strconv.ParseFloat(string(v.raw), 64)
		if v.kind != '0' || err != nil {
			return out, fmt.Errorf("%s is %s, want a number", name, v.write(nil))
		}
		exclusive := strings.HasPrefix(name, "exclusive")
		if !integer && (exclusive || f != math.Trunc(f)) {
			return out, fmt.Errorf("%s %s of a number is not supported: only whole, inclusive bounds are, or type integer", name, v.raw)
		}
		out.bounded = true
		n, err := strconv.ParseInt(string(v.raw), 10, 64)
		if strings.HasSuffix(strings.ToLower(name), "minimum") {
			if err != nil {
				n = clamp(math.Ceil(f), limit)
			}
			if exclusive && float64(n) <= f {
				n++
			}
			out.low = max(out.low, n)
			continue
		}
		if err != nil {
			n = clamp(math.Floor(f), limit)
		}
		if exclusive && float64(n) >= f {
			n--
		}
		out.high = min(out.high, n)
	}
	if out.low > out.high {
		return out, fmt.Errorf("no number of up to %d digits is within the bounds", len(strconv.FormatInt(limit, 10)))
	}
	return out, nil
}

// clamp is f as an integer, held within one step beyond the limit.
func clamp(f float64, limit int64) int64 {
	if f > float64(limit) {
		return limit + 1
	}
	if f < -float64(limit) {
		return -limit - 1
	}
	return int64(f)
}
