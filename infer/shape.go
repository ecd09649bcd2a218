package infer

import (
	"errors"
	"fmt"
	"math"

	"sluice/infer/gguf"
)

// unit is what widths are multiples of: the kernels' blocks.
const unit = 32

// shape holds the sizes of a decoder, named as in the file's metadata.
type shape struct {
	context  int // tokens a sequence can have
	width    int // embedding_length
	layers   int // block_count
	hidden   int // feed_forward_length, or that of an expert
	heads    int // attention.head_count
	kvHeads  int // attention.head_count_kv
	headSize int // attention.key_length and value_length
	rotated  int // rope.dimension_count: values of a head that turn
	experts  int // expert_count, 0 without
	chosen   int // expert_used_count
	epsilon  float32
	vocab    int
	rope     rope
}

// shapeReader reads the numbers of one architecture and keeps the first error.
type shapeReader struct {
	file *gguf.File
	arch string
	err  error
}

// size reads a number from 1 to max. With or above 0, a missing key means or.
func (r *shapeReader) size(key string, max, or int) int {
	key = r.arch + "." + key
	n, err := r.file.Int(key)
	switch {
	case r.err != nil:
	case errors.Is(err, gguf.ErrNoKey) && or > 0:
		return or
	case err != nil:
		r.err = err
	case n < 1 || n > int64(max):
		r.err = fmt.Errorf("metadata %q is %d, want 1 to %d", key, n, max)
	default:
		return int(n)
	}
	return 1
}

// optional reads a number from 0 to max; a missing key means 0.
func (r *shapeReader) optional(key string, max int) int {
	key = r.arch + "." + key
	n, err := r.file.Int(key)
	switch {
	case r.err != nil, errors.Is(err, gguf.ErrNoKey):
	case err != nil:
		r.err = err
	case n < 0 || n > int64(max):
		r.err = fmt.Errorf("metadata %q is %d, want 0 to %d", key, n, max)
	default:
		return int(n)
	}
	return 0
}

// float reads a positive, finite number. With or above 0, a missing key means or.
func (r *shapeReader) float(key string, or float64) float64 {
	key = r.arch + "." + key
	v, err := r.file.Float(key)
	if errors.Is(err, gguf.ErrNoKey) && or > 0 {
		return or
	}
	if err == nil && !(v > 0 && v <= math.MaxFloat32) {
		err = fmt.Errorf("metadata %q is %v, want a positive number", key, v)
	}
	if r.err == nil {
		r.err = err
	}
	return v
}

// The limits are far above every model, and low enough that no product of two
// overflows.
const (
	maxContext = 1 << 24
	maxWidth   = 1 << 16
	maxLayers  = 1 << 10
	maxHidden  = 1 << 18
	maxHeads   = 1 << 10
	maxHead    = 1 << 12
	maxExperts = 1 << 10
)

// readShape reads and checks the sizes of a decoder of a family.
func readShape(f *gguf.File, kind family, vocab int) (shape, error) {
	r := &shapeReader{file: f, arch: kind.arch}
	s := shape{
		context: r.size("context_length", maxContext, 0),
		width:   r.size("embedding_length", maxWidth, 0),
		layers:  r.size("block_count", maxLayers, 0),
		heads:   r.size("attention.head_count", maxHeads, 0),
		epsilon: float32(r.float("attention.layer_norm_rms_epsilon", 0)),
		vocab:   vocab,
	}
	if kind.experts != never {
		s.experts = r.optional("expert_count", maxExperts)
	}
	if s.experts > 0 {
		s.chosen = r.size("expert_used_count", s.experts, 0)
	}
	if kind.experts == must {
		s.hidden = r.size("expert_feed_forward_length", maxHidden, 0)
	} else {
		s.hidden = r.size("feed_forward_length", maxHidden, 0)
	}
	s.kvHeads = r.size("attention.head_count_kv", maxHeads, s.heads)
	s.headSize = r.size("attention.key_length", maxHead, max(1, s.width/s.heads))
	s.rotated = r.size("rope.dimension_count", maxHead, s.headSize)
	valueSize := r.size("attention.value_length", maxHead, s.headSize)
	// No token of a sequence that is no longer than the window falls out of it.
	if window := r.optional("attention.sliding_window", math.MaxInt32); window > 0 {
		s.context = min(s.context, window)
	}
	s.rope = readRope(r, s)
	switch {
	case r.err != nil:
		return shape{}, r.err
	case kind.experts == must && s.experts == 0:
		return shape{}, fmt.Errorf("metadata %q is missing or 0", kind.arch+".expert_count")
	case s.heads%s.kvHeads != 0:
		return shape{}, fmt.Errorf("%d query heads do not share %d key heads evenly", s.heads, s.kvHeads)
	case valueSize != s.headSize:
		return shape{}, fmt.Errorf("value_length %d differs from key_length %d", valueSize, s.headSize)
	case s.headSize%8 != 0:
		return shape{}, fmt.Errorf("key_length %d is not a multiple of 8", s.headSize)
	case s.rotated%2 != 0 || s.rotated > s.headSize:
		return shape{}, fmt.Errorf("RoPE dimension %d does not fit a head of %d", s.rotated, s.headSize)
	case s.width%unit != 0 || s.hidden%unit != 0 || s.heads*s.headSize%unit != 0:
		return shape{}, fmt.Errorf("widths %d, %d and %d are not multiples of %d", s.width, s.hidden, s.heads*s.headSize, unit)
	}
	return s, nil
}
