package kernel

import "sync"

// Pool is a number of workers, and the instruction set they compute with. Its
// methods may be called from several goroutines, except where they say
// otherwise.
type Pool struct {
	threads int
}

// NewPool returns a pool that computes on up to threads cores at a time, at
// least one. Close releases it.
func NewPool(threads int) *Pool { return &Pool{threads: max(1, threads)} }

// Threads is the number of cores that the pool computes on.
func (p *Pool) Threads() int { return p.threads }

// Close ends the workers. The pool must not be used afterwards.
func (p *Pool) Close() {}

// Run calls work for each i from 0 to n-1, on all cores of the pool, and
// returns when all calls have. Only one Run of a pool is at work at a time:
// work must not call Run.
func (p *Pool) Run(n int, work func(i int)) {
	if p.threads == 1 || n <= 1 {
		for i := range n {
			work(i)
		}
		return
	}
	var group sync.WaitGroup
	for w := range min(n, p.threads) {
		group.Go(func() {
			for i := w; i < n; i += p.threads {
				work(i)
			}
		})
	}
	group.Wait()
}
