package kernel

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Pool is a number of workers, and the instruction set they compute with. Its
// methods may be called from several goroutines, except where they say
// otherwise.
//
// Workers wait for the next job by spinning for about a millisecond before they
// park: a step of a model is hundreds of jobs of some ten microseconds each,
// and waking a goroutine takes as long as one of these. While they spin, they
// yield to other goroutines again and again; on an idle server they are parked.
type Pool struct {
	set     Set
	threads int

	turn    sync.Mutex // held while a job is at work
	job     job
	started bool // the workers are there; guarded by turn

	// gate lets workers into the job. Bit 0 says that it is open, the next 16
	// count who is inside, those above number the jobs. Fields of the job
	// change only while it is closed and nobody is inside, so a worker that
	// comes late finds it closed and waits for the next one.
	gate atomic.Uint64

	ahead atomic.Pointer[Ahead] // what to read while waiting; nil is nothing
	fault atomic.Pointer[fault] // the first panic of the job, if any

	sleep    sync.Mutex
	wake     sync.Cond
	sleeping atomic.Int32 // workers that are parked, or about to
	closed   atomic.Bool

	scratch sync.Pool // of *attentionScratch
}

const (
	gateOpen   = 1
	gateInside = 2
	gateNumber = 1 << 17
)

// job is some pieces of work. One of the other fields says what.
type job struct {
	shares   []share // one for each worker
	work     func(i int)
	rows     *Activations // to quantise
	products [maxProducts]product
}

// share is the part of a job's pieces that one worker begins with, so that it
// reads its weights in one run, as they lie in memory. The others take from it
// when they have none left of their own.
type share struct {
	next atomic.Int64 // piece that nobody has taken yet
	end  int64
	_    [48]byte // keeps two of them off one cache line
}

// fault is what a piece of work panicked with, and where.
type fault struct {
	value any
	stack []byte
}

// Error has the place in it, which the caller's own stack does not show.
func (f *fault) Error() string { return fmt.Sprintf("%v\n%s", f.value, f.stack) }

func (f *fault) Unwrap() error {
	err, _ := f.value.(error)
	return err
}

// NewPool returns a pool that computes on up to threads cores at a time, at
// least one, with the best instruction set of this machine. Close releases it.
func NewPool(threads int) *Pool { return NewPoolOn(threads, Best()) }

// NewPoolOn is NewPool with a chosen instruction set, which must be supported.
func NewPoolOn(threads int, s Set) *Pool {
	if !s.Supported() {
		panic("kernel: this machine lacks " + s.String())
	}
	p := &Pool{set: s, threads: min(max(1, threads), 1<<15)}
	p.job.shares = make([]share, p.threads)
	p.wake.L = &p.sleep
	p.scratch.New = func() any { return &attentionScratch{} }
	return p
}

// Threads is the number of cores that the pool computes on.
func (p *Pool) Threads() int { return p.threads }

// Set is the instruction set that the pool computes with.
func (p *Pool) Set() Set { return p.set }

// Close ends the workers. The pool must not be used afterwards.
func (p *Pool) Close() {
	p.sleep.Lock()
	p.closed.Store(true)
	p.wake.Broadcast()
	p.sleep.Unlock()
}

// Run calls work for each i from 0 to n-1, on all cores of the pool, and
// returns when all calls have. Only one Run of a pool is at work at a time:
// work must not call Run, MulAll, Mul or Pack. Where a call panics, so does Run,
// after all that was begun has ended: other calls may not have been made, and
// the pool can be used again. The same holds for memory that is gone, such as
// a mapped file that was truncated.
func (p *Pool) Run(n int, work func(i int)) {
	if p.threads == 1 || n <= 1 {
		for i := range n {
			work(i)
		}
		return
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	p.job.work = work
	p.finish(n)
	p.job.work = nil
}

// packGroup is how many rows of activations a worker quantises at a time: a
// multiple of every set's group.
const packGroup = 24

// pack quantises the rows of x. One row is too little to share.
func (p *Pool) pack(x *Activations) {
	if p.threads == 1 || x.N <= packGroup {
		for i := range x.N {
			x.packRow(p.set, i)
		}
		return
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	p.job.rows = x
	p.finish((x.N + packGroup - 1) / packGroup)
	p.job.rows = nil
}

// do is piece i of the job.
func (j *job) do(s Set, i int) {
	switch {
	case j.work != nil:
		j.work(i)
	case j.rows != nil:
		for row := i * packGroup; row < min(j.rows.N, (i+1)*packGroup); row++ {
			j.rows.packRow(s, row)
		}
	default:
		k := 0
		for ; i >= j.products[k].pieces; k++ {
			i -= j.products[k].pieces
		}
		d := &j.products[k]
		d.m.mulGroups(s, d.out, d.x, i*d.per, (i+1)*d.per)
	}
}

// take does pieces of the job until none is left, those of worker w's share
// first. A panic is kept for the caller of the job: a worker's would end the
// process, and the caller's own must wait until the workers have left.
func (p *Pool) take(w int) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			p.fault.CompareAndSwap(nil, &fault{v, debug.Stack()})
		}
	}()
	for k := range p.threads {
		s := &p.job.shares[(w+k)%p.threads]
		for i := s.next.Add(1) - 1; i < s.end; i = s.next.Add(1) - 1 {
			p.job.do(p.set, int(i))
		}
	}
}

// finish opens the gate to the job, of n pieces, works on it too, and returns
// when it is done and all workers have left.
func (p *Pool) finish(n int) {
	if !p.started {
		p.started = true
		for w := 1; w < p.threads; w++ {
			go p.serve(w)
		}
	}
	for w := range p.threads {
		s := &p.job.shares[w]
		s.next.Store(int64(n * w / p.threads))
		s.end = int64(n * (w + 1) / p.threads)
	}
	p.gate.Add(gateNumber + gateOpen)
	if p.sleeping.Load() > 0 {
		p.sleep.Lock()
		p.wake.Broadcast()
		p.sleep.Unlock()
	}
	p.take(0)
	p.gate.Add(^uint64(gateOpen - 1)) // closes it
	for spins := 0; p.gate.Load()&(gateNumber-1) != 0; spins++ {
		relax(spins)
	}
	if f := p.fault.Swap(nil); f != nil {
		panic(f)
	}
}

// The length of a wait: a worker looks spinRounds times before it parks, with
// spinPauses pauses of the processor between two looks, and yields to other
// goroutines every yieldRounds looks.
const (
	spinPauses  = 8
	spinRounds  = 6000
	yieldRounds = 200
)

// relax passes some time between two looks.
func relax(spins int) {
	if spins%yieldRounds == yieldRounds-1 {
		runtime.Gosched()
		return
	}
	pause(spinPauses)
}

// serve is worker w; the caller of a job is worker 0.
func (p *Pool) serve(w int) {
	last, ahead := uint64(0), reader{}
	for {
		if !p.await(last, w, &ahead) {
			return
		}
		g := p.gate.Load()
		number := g / gateNumber
		if g&gateOpen == 0 || number == last {
			last = number // missed it
			continue
		}
		if !p.gate.CompareAndSwap(g, g+gateInside) {
			continue
		}
		last = number
		p.take(w)
		p.gate.Add(^uint64(gateInside - 1))
	}
}

// await returns when there is a job after the one numbered last, or false when
// the pool is closed. Worker w reads ahead meanwhile.
func (p *Pool) await(last uint64, w int, ahead *reader) bool {
	for spins := range spinRounds {
		if p.gate.Load()/gateNumber != last {
			return true
		}
		if !ahead.read(p.ahead.Load(), w) {
			relax(spins)
		}
	}
	p.sleep.Lock()
	defer p.sleep.Unlock()
	p.sleeping.Add(1)
	defer p.sleeping.Add(-1)
	for p.gate.Load()/gateNumber == last {
		if p.closed.Load() {
			return false
		}
		p.wake.Wait()
	}
	return true
}
