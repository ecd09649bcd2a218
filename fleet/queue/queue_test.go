package queue_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice"
	"sluice/fleet/queue"
)

const never = time.Duration(math.MaxInt64 / 2)

func call(tenant string, rank queue.Rank, tokens int64) *queue.Item {
	return &queue.Item{Model: "m", Tenant: tenant, Rank: rank, Tokens: tokens, Until: never}
}

func push(t testing.TB, q *queue.Queue, it *queue.Item) {
	if v, shed := q.Push(it, 0); v != queue.Waits || len(shed) > 0 {
		t.Fatalf("not queued: %v, %d shed", v, len(shed))
	}
}

func next(q *queue.Queue, turn *queue.Turn) *queue.Item {
	return q.Next([]string{"m"}, turn, func(*queue.Item) bool { return true }, 0)
}

// Whatever happens, each call comes out once or is still there, tenants' calls
// of a rank in the order in which they came, and the limits hold.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := queue.Limits{Calls: rapid.Int64Range(0, 8).Draw(t, "calls"), TenantCalls: rapid.Int64Range(0, 4).Draw(t, "tenant calls")}
		q := queue.New(limits)
		var turn queue.Turn
		inside := map[*queue.Item]bool{}
		order := map[*queue.Item]int{}
		leave := func(t *rapid.T, it *queue.Item) {
			if !inside[it] {
				t.Fatalf("%+v comes out and was not inside", it)
			}
			delete(inside, it)
		}
		models := []string{"a", "b"}
		now := time.Duration(0)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				it := &queue.Item{
					Model: rapid.SampledFrom(models).Draw(t, "model"), Tenant: rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "tenant"),
					Weight: rapid.Int64Range(0, 3).Draw(t, "weight"), Rank: queue.Rank(rapid.IntRange(0, queue.Ranks-1).Draw(t, "rank")),
					Tokens: rapid.Int64Range(0, 5000).Draw(t, "tokens"), Until: never, Again: rapid.IntRange(0, 9).Draw(t, "again") == 0,
				}
				order[it] = len(order)
				v, shed := q.Push(it, now)
				for _, s := range shed {
					leave(t, s)
					if s.Rank < it.Rank {
						t.Fatalf("rank %d was shed for rank %d", s.Rank, it.Rank)
					}
				}
				if v == queue.Waits {
					inside[it] = true
				} else if it.Again {
					t.Fatal("one that goes again was refused")
				}
			},
			"next": func(t *rapid.T) {
				served := models[:rapid.IntRange(1, 2).Draw(t, "models")]
				it := q.Next(served, &turn, func(*queue.Item) bool { return true }, now)
				if it == nil {
					for other := range inside {
						if slices.Contains(served, other.Model) {
							t.Fatalf("%+v waits and is not taken", other)
						}
					}
					return
				}
				leave(t, it)
				if !slices.Contains(served, it.Model) {
					t.Fatalf("model %s is not served", it.Model)
				}
				for other := range inside {
					if other.Model == it.Model && other.Rank == it.Rank && other.Tenant == it.Tenant && other.Again == it.Again && order[other] < order[it] {
						t.Fatal("a later call of the same tenant was taken")
					}
				}
				q.Used(it, rapid.Int64Range(0, 9000).Draw(t, "used"))
			},
			"leave": func(t *rapid.T) {
				for it := range inside {
					if rapid.Bool().Draw(t, "this") {
						q.Remove(it)
						q.Remove(it) // once too often
						delete(inside, it)
						return
					}
				}
			},
			"time": func(t *rapid.T) { now += time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "ns")) },
			"": func(t *rapid.T) {
				if q.Len() != int64(len(inside)) || q.Waiting("a")+q.Waiting("b") != int64(len(inside)) {
					t.Fatalf("%d wait, want %d", q.Len(), len(inside))
				}
				ordinary := int64(0)
				for it := range inside {
					if !it.Again {
						ordinary++
					}
				}
				sum := int64(0)
				for _, d := range q.Depths() {
					sum += d.Calls
				}
				if sum != ordinary || limits.Calls > 0 && ordinary > limits.Calls {
					t.Fatalf("%d ordinary ones, said %d of %d", ordinary, sum, limits.Calls)
				}
			},
		})
	})
}

// One tenant with ten thousand calls delays another's single one by one call of
// each tenant that waits, and no more.
func TestAFloodDelaysNobody(t *testing.T) {
	q := queue.New(queue.Limits{})
	var turn queue.Turn
	for i := range 10_000 {
		push(t, q, call("flood", 0, int64(100+i%7)))
	}
	for range 500 {
		next(q, &turn)
	}
	const tenants = 5
	for i := range tenants {
		push(t, q, call(fmt.Sprint("single ", i), 0, 50_000))
	}
	for range 2*tenants - 1 {
		next(q, &turn)
	}
	for _, d := range q.Depths() {
		if d.Calls < 10_000-500-tenants {
			t.Errorf("%d calls are left", d.Calls)
		}
	}
	for range 3 {
		if it := next(q, &turn); it.Tenant != "flood" {
			t.Errorf("%s is still there after one call of each", it.Tenant)
		}
	}
}

// Tenants that always have something to ask get tokens in relation to their
// weights, to within one call of each.
func TestShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := queue.New(queue.Limits{})
		var turn queue.Turn
		n := rapid.IntRange(2, 5).Draw(t, "tenants")
		const most = 1000
		weights, got := make([]int64, n), make([]float64, n)
		dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		size := func() int64 { return 1 + dice.Int64N(most) }
		ask := func(i int) {
			it := call(fmt.Sprint(i), 0, size())
			it.Weight, it.Call = weights[i], i
			q.Push(it, 0)
		}
		for i := range n {
			weights[i] = rapid.Int64Range(1, 8).Draw(t, "weight")
			ask(i)
			ask(i)
		}
		correct := rapid.Bool().Draw(t, "correct")
		for range 200 {
			it := next(q, &turn)
			i := it.Call.(int)
			used := it.Tokens
			if correct {
				used = size()
				q.Used(it, used)
			}
			got[i] += float64(used) / float64(weights[i])
			ask(i)
		}
		for i := range n {
			for j := range n {
				if d := got[i] - got[j]; d > 2*most {
					t.Fatalf("tenant %d is %f tokens ahead of %d: %v of weights %v", i, d, j, got, weights)
				}
			}
		}
	})
}

// A lower rank that waits gets its part of all tokens, whatever the higher ones ask for;
// the highest gets all the rest.
func TestLowerRanksAreNotStarved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := queue.New(queue.Limits{})
		var turn queue.Turn
		const most = 500
		dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		size := func() int64 { return 1 + dice.Int64N(most) }
		var got [queue.Ranks]float64
		total := 0.0
		for r := range queue.Rank(queue.Ranks) {
			q.Push(call("t", r, size()), 0)
		}
		for range 2000 {
			it := next(q, &turn)
			got[it.Rank] += float64(it.Tokens)
			total += float64(it.Tokens)
			q.Push(call("t", it.Rank, size()), 0)
		}
		agent, batch := queue.RankOf(sluice.QueueAgent, false), queue.RankOf(sluice.QueueBatch, false)
		free := 0.0
		for r := range queue.Rank(queue.Ranks) {
			if r.Free() {
				free += got[r]
			}
		}
		for what, x := range map[string][2]float64{
			"agents": {got[agent], 0.10 * (total - free)}, "batches": {got[batch], 0.05 * (total - free)}, "free calls": {free, 0.02 * total},
		} {
			if x[0] < x[1]-3*most || x[0] > x[1]+3*most {
				t.Fatalf("%s got %.0f, want %.0f of %.0f", what, x[0], x[1], total)
			}
		}
	})
}

// Without anybody else a rank goes at full speed, and owes nothing for it.
func TestTheOrderOfRanks(t *testing.T) {
	q := queue.New(queue.Limits{})
	var turn queue.Turn
	batch := queue.RankOf(sluice.QueueBatch, false)
	for range 100 {
		push(t, q, call("t", batch, 1000))
		if it := next(q, &turn); it.Rank != batch {
			t.Fatal(it.Rank)
		}
	}
	for r := queue.Ranks - 1; r >= 0; r-- {
		push(t, q, call("t", queue.Rank(r), 1))
	}
	var got []queue.Rank
	for it := next(q, &turn); it != nil; it = next(q, &turn) {
		got = append(got, it.Rank)
	}
	// The highest first; then those that it is owed for, since their parts are small and calls are not.
	if len(got) != queue.Ranks || got[0] != 0 {
		t.Errorf("the order is %v", got)
	}
}

// Where too many wait, free calls go first, then batches, agents' and last interactive ones; the
// newest of the tenant with the most. A tenant over its own limit throws nobody out.
func TestShedding(t *testing.T) {
	q := queue.New(queue.Limits{Calls: 6, TenantCalls: 4})
	rank := func(class sluice.QueueClass, free bool) queue.Rank { return queue.RankOf(class, free) }
	var all []*queue.Item
	for r := range queue.Rank(queue.Ranks) {
		it := call(fmt.Sprint("t", r), r, 100)
		push(t, q, it)
		all = append(all, it)
	}
	slices.Reverse(all)
	for _, want := range all[:5] {
		v, shed := q.Push(call("new", 0, 100), 0)
		if v == queue.TenantFull {
			v, shed = q.Push(call("newer", 0, 100), 0)
		}
		if v != queue.Waits || len(shed) != 1 || shed[0] != want {
			t.Fatalf("%v, shed %+v, want rank %d", v, shed, want.Rank)
		}
	}
	if v, shed := q.Push(call("free", rank(sluice.QueueInteractive, true), 1), 0); v != queue.Full || len(shed) > 0 {
		t.Errorf("a free call in a queue of paid ones: %v, %d shed", v, len(shed))
	}
	if v, _ := q.Push(call("new", 0, 1), 0); v != queue.TenantFull {
		t.Errorf("a fifth call of a tenant: %v", v)
	}
	// Of equals, whoever has the most gives way, and only to one who has less.
	v, shed := q.Push(call("small", 0, 100), 0)
	if v != queue.Waits || len(shed) != 1 || shed[0].Tenant != "new" {
		t.Errorf("%v, shed %+v", v, shed)
	}
	if v, _ := q.Push(call("huge", 0, 1000), 0); v != queue.Full {
		t.Errorf("one with more than all: %v", v)
	}
}

// A call that would not begin in time, as others were taken lately, is told so at once.
func TestTooLate(t *testing.T) {
	q := queue.New(queue.Limits{})
	var turn queue.Turn
	for range 100 {
		push(t, q, call("a", 0, 1000))
	}
	soon := call("b", 0, 1000)
	soon.Until = time.Second
	if v, _ := q.Push(soon, 0); v != queue.Waits {
		t.Fatal("refused, and nothing is known")
	}
	q.Remove(soon)
	now := time.Duration(0)
	for range 20 { // ten calls a second
		now += 100 * time.Millisecond
		q.Next([]string{"m"}, &turn, nil, now)
	}
	for _, c := range []struct {
		tenant string
		within time.Duration
		want   queue.Verdict
	}{
		{"a", 7 * time.Second, queue.TooLate}, // behind its own eighty
		{"a", 10 * time.Second, queue.Waits},
		{"b", 50 * time.Millisecond, queue.TooLate},
		{"b", 500 * time.Millisecond, queue.Waits}, // only one of the other's goes before it
	} {
		it := call(c.tenant, 0, 1000)
		it.Until = now + c.within
		v, _ := q.Push(it, now)
		if v != c.want {
			d, ok := q.Estimate(it, now)
			t.Errorf("%s within %v: %v, estimated %v %v", c.tenant, c.within, v, d, ok)
		}
		q.Remove(it)
	}
	// Nobody is taken any more: what was measured fades.
	late := call("a", 0, 1000)
	d, _ := q.Estimate(late, now+time.Minute)
	if d < time.Minute {
		t.Errorf("estimated %v after a minute of nothing", d)
	}
}

// Models of one engine take turns, so that a flood on one does not shut out the other.
func TestModelsTakeTurns(t *testing.T) {
	q := queue.New(queue.Limits{})
	var turn queue.Turn
	for range 100 {
		push(t, q, call("a", 0, 10))
	}
	other := call("a", 0, 10)
	other.Model = "n"
	push(t, q, other)
	for range 2 {
		if q.Next([]string{"m", "n"}, &turn, nil, 0) == other {
			return
		}
	}
	t.Error("a call for the other model waits behind two of the first one's")
}

// A call that failed elsewhere goes before all others, to an engine that it has not tried.
func TestAgain(t *testing.T) {
	q := queue.New(queue.Limits{Calls: 1})
	var turn queue.Turn
	push(t, q, call("a", 0, 10))
	again := call("b", 5, 10)
	again.Again = true
	push(t, q, again)
	if it := q.Next([]string{"m"}, &turn, func(*queue.Item) bool { return false }, 0); it.Tenant != "a" {
		t.Error("taken by an engine that it failed on")
	}
	if it := next(q, &turn); it != again {
		t.Errorf("%+v", it)
	}
	if q.Len() != 0 {
		t.Error("something is left")
	}
}

func TestForget(t *testing.T) {
	q := queue.New(queue.Limits{})
	it := call("a", 0, 10)
	push(t, q, it)
	q.Forget(func(string) bool { return false })
	if q.Waiting("m") != 1 {
		t.Error("forgotten with a call that waits")
	}
	q.Remove(it)
	q.Forget(func(string) bool { return false })
	if q.Waiting("m") != 0 {
		t.Error("something is left")
	}
}

// A call that is queued and taken, while so many wait, of a thousand tenants.
func BenchmarkQueue(b *testing.B) {
	for _, n := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			q := queue.New(queue.Limits{})
			var turn queue.Turn
			tenants := make([]string, 1000)
			for i := range tenants {
				tenants[i] = fmt.Sprint("tenant ", i)
			}
			for i := range n {
				push(b, q, call(tenants[i%1000], queue.Rank(i%queue.Ranks), int64(100+i%997)))
			}
			models, can := []string{"m"}, func(*queue.Item) bool { return true }
			i := 0
			for b.Loop() {
				it := q.Next(models, &turn, can, 0)
				it.Tenant = tenants[i%1000]
				i++
				q.Push(it, 0)
			}
		})
	}
}
