package infer

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"

	"sluice/infer/kernel"
	"sluice/infer/schedule"
)

// ErrMemory is wrapped when a model needs more memory than there is.
var ErrMemory = errors.New("there is not enough memory for the model")

// Options say what a model may use. The zero value takes all cores, and memory
// as it needs it.
type Options struct {
	// Threads is the number of cores to compute on; 0 takes all.
	Threads int
	// Kernel is the instruction set to compute with, as kernel.ParseSet takes
	// it; "" is the best one of this machine.
	Kernel string
	// Slots is how many sequences are computed at once; 0 is 16.
	Slots int
	// Queue is how many more may wait; 0 is 256.
	Queue int
	// Context bounds the tokens of a sequence; 0 leaves it to the file.
	Context int
	// Cache is the memory for keys and values, in bytes. 0 is what the slots
	// need, up to 1 GiB, and up to what Memory leaves.
	Cache int64
	// Memory is what there is in all, in bytes; 0 does not ask.
	Memory int64
}

const (
	defaultSlots = 16
	defaultQueue = 256
	defaultCache = 1 << 30

	// stepTokens and besideTokens are how many tokens of prompts a step
	// computes, without and with answers beside them: DESIGN.md.
	stepTokens   = 128
	besideTokens = 32

	// leastContext is what a model must be able to hold to be of use.
	leastContext = 256
)

// plan is what Options come to for one model.
type plan struct {
	threads int
	limits  schedule.Limits
	context int
	pages   int
}

// limits is the part of a plan that is the same for every model.
func (o Options) limits() plan {
	return plan{
		threads: cmp.Or(o.Threads, runtime.GOMAXPROCS(0)),
		limits:  schedule.Limits{Slots: cmp.Or(o.Slots, defaultSlots), Queue: cmp.Or(o.Queue, defaultQueue), Step: stepTokens, Beside: besideTokens},
	}
}

// workers starts a pool of workers as the options say.
func (o Options) workers(threads int) (*kernel.Pool, error) {
	set, err := kernel.ParseSet(o.Kernel)
	if err != nil {
		return nil, fmt.Errorf("choosing the kernels: %w", err)
	}
	return kernel.NewPoolOn(threads, set), nil
}

// plan divides the memory up: weights first, then what a step works with, then
// pages. It shortens the context rather than to refuse, down to a floor.
func (o Options) plan(s shape, weights int64) (plan, error) {
	p := o.limits()
	p.context = s.context
	if o.Context > 0 {
		p.context = min(p.context, o.Context)
	}
	page, working := s.pageBytes(), s.workingBytes(p.limits)
	whole := (int64(p.context) + kernel.PageTokens - 1) / kernel.PageTokens
	cache := o.Cache
	if cache == 0 {
		cache = min(int64(p.limits.Slots)*whole*page, max(defaultCache, whole*page))
	}
	if o.Memory > 0 {
		cache = min(cache, o.Memory-weights-working)
	}
	p.pages = int(min(cache/page, int64(p.limits.Slots)*whole))
	p.context = min(p.context, p.pages*kernel.PageTokens)
	if p.context < min(leastContext, s.context) {
		return p, fmt.Errorf("%w: it needs %s for its weights, %s to work with and %s for a context of %d tokens; %s",
			ErrMemory, size(weights), size(working), size(s.cacheBytes(min(leastContext, s.context))), min(leastContext, s.context), o.given())
	}
	return p, nil
}

// given says what the options grant, for an error.
func (o Options) given() string {
	if o.Memory > 0 {
		return fmt.Sprintf("%s are there. Use a file of smaller weights (Q4_K instead of Q8_0), a smaller model, or free memory.", size(o.Memory))
	}
	return fmt.Sprintf("%s are granted to the cache. Grant it more.", size(o.Cache))
}

// workingBytes is about what a step needs: rows of floats, and logits.
func (s shape) workingBytes(l schedule.Limits) int64 {
	row := 5*s.width + 3*s.heads*s.headSize + 4*s.kvHeads*s.headSize + 4*s.hidden
	if s.experts > 0 {
		row += 4*s.width + 4*s.hidden + s.experts
	}
	return 4 * (int64(l.Slots+l.Step)*int64(row) + int64(l.Slots)*int64(s.vocab))
}

// size writes a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 0:
		return "0 MB"
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
