package kernel

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestRunDoesEachOnce runs many small jobs from several goroutines.
func TestRunDoesEachOnce(t *testing.T) {
	for _, threads := range []int{0, 1, 2, 5} {
		p := NewPool(threads)
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				for n := range 200 {
					counts := make([]atomic.Int32, n)
					p.Run(n, func(i int) { counts[i].Add(1) })
					for i := range counts {
						if c := counts[i].Load(); c != 1 {
							t.Errorf("%d threads, %d pieces: piece %d was done %d times", threads, n, i, c)
						}
					}
				}
			})
		}
		group.Wait()
		p.Close()
	}
}

// TestAPanicIsTheCallers: a piece that panics, on whichever worker, ends the job
// with a panic of its caller, and the pool goes on.
func TestAPanicIsTheCallers(t *testing.T) {
	for _, threads := range []int{1, 2, 4} {
		p := NewPool(threads)
		defer p.Close()
		for bad := range 8 {
			func() {
				defer func() {
					if v := recover(); v == nil || !strings.HasPrefix(fmt.Sprint(v), "out of sorts") {
						t.Errorf("%d threads, piece %d: the caller's panic is %v", threads, bad, v)
					}
				}()
				p.Run(8, func(i int) {
					if i == bad {
						panic("out of sorts")
					}
				})
			}()
			var sum atomic.Int64
			p.Run(8, func(i int) { sum.Add(int64(i)) })
			if sum.Load() != 28 {
				t.Fatalf("after a panic the sum is %d", sum.Load())
			}
		}
	}
}

// TestWorkersTakeFromEachOther: while one worker is held up in its first piece,
// the other does all the rest.
func TestWorkersTakeFromEachOther(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	var done atomic.Int64
	rest := make(chan struct{})
	p.Run(10, func(i int) {
		if i == 0 {
			<-rest
		} else if done.Add(1) == 9 {
			close(rest)
		}
	})
}

// TestRunWithBusyProcessors: the pool makes progress, and lets others make
// theirs, with more workers than processors.
func TestRunWithBusyProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	p := NewPool(8)
	defer p.Close()
	var others atomic.Int64
	var stop atomic.Bool
	defer stop.Store(true)
	go func() {
		for !stop.Load() {
			others.Add(1)
			runtime.Gosched()
		}
	}()
	for i := 0; i < 500 || others.Load() < 500; i++ {
		p.Run(16, func(int) {})
	}
}

// TestIdleWorkersPark: after a while without jobs, all workers sleep, and the
// next job wakes them.
func TestIdleWorkersPark(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	for range 3 {
		var sum atomic.Int64
		p.Run(100, func(i int) { sum.Add(int64(i)) })
		if sum.Load() != 4950 {
			t.Fatalf("the sum is %d", sum.Load())
		}
		for p.sleeping.Load() != 2 {
			time.Sleep(time.Millisecond)
		}
	}
}

// TestCloseEndsWorkers: none is left behind.
func TestCloseEndsWorkers(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		p := NewPool(4)
		p.Run(10, func(int) {})
		p.Close()
	}
	for runtime.NumGoroutine() > before {
		time.Sleep(time.Millisecond)
	}
}

func TestParseSet(t *testing.T) {
	if s, err := ParseSet(""); s != Best() || err != nil {
		t.Errorf("%v, %v", s, err)
	}
	for _, s := range sets() {
		if got, err := ParseSet(s.String()); got != s || err != nil {
			t.Errorf("%v: %v, %v", s, got, err)
		}
	}
	for _, name := range []string{"sse", map[bool]string{true: "neon", false: "avx2"}[runtime.GOARCH == "amd64"]} {
		if s, err := ParseSet(name); err == nil {
			t.Errorf("%q: %v", name, s)
		}
	}
}
