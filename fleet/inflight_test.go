package fleet

import (
	"testing"
	"testing/synctest"
	"time"

	"sluice"
)

// TestForget shows that what an engine has read counts no longer once it was not
// ready: its process has ended, or gave its memory back.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := applied(t, Options{}, simulated("a"), simulated("b"))
		r := prompted(t, f, long("a talk", 16), "")
		id := r.Engine.ID
		if n := f.InFlight(id); n != 1 {
			t.Errorf("%d calls are in flight", n)
		}
		time.Sleep(50 * time.Millisecond)
		f.Began(r)
		f.Done(r, sluice.OutcomeServed, sluice.Usage{})
		held := func() bool {
			return f.memory.table.Match(f.memory.hasher.Blocks(nil, "m\x00salt", []byte(long("a talk", 16))), ^uint64(0)) != [64]int32{}
		}
		if !held() {
			t.Error("nothing is remembered")
		}
		f.SetReady(id, true)
		if !held() {
			t.Error("an engine that is ready and stays so is forgotten")
		}
		f.SetReady(id, false)
		f.SetReady(id, true)
		if held() {
			t.Error("what it held before is remembered")
		}
		if f.InFlight(id) != 0 || f.InFlight("none") != 0 {
			t.Error("calls are in flight")
		}
	})
}
