package e2e

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestCrashFirstBoot kills the server while it sets itself up for the first
// time. The next start must find or finish the trial: model, price, key and
// credit.
func TestCrashFirstBoot(t *testing.T) {
	seed := uint64(setting(t, "SLUICE_CRASH_SEED", int(time.Now().UnixNano()%1e9)))
	rng := rand.New(rand.NewPCG(seed, 0))
	probe := start(t, t.TempDir())
	longest := probe.took // a boot on this machine
	probe.kill()
	for range 2 * setting(t, "SLUICE_CRASH_ROUNDS", 3) {
		s := &server{data: t.TempDir()}
		t.Cleanup(s.kill)
		for range 1 + rng.IntN(2) {
			if _, err := s.launch(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(longest/4 + time.Duration(rng.Int64N(int64(longest)))) // this is the random instant: nothing is waited for
			s.kill()
		}
		s.restart(t)
		if s.ready.TrialKey == "" || s.ready.SetupURL == "" {
			t.Errorf("after a first boot that was killed the ready line is %+v, want a trial key and a setup link", s.ready)
		}
		if b := one[balance](t, s, "balance"); b.Available != 5*unit || b.Held != 0 {
			t.Errorf("after a first boot that was killed the trial has %+v, want its credit of 5", b)
		}
		s.verify(t)
		s.kill()
		if t.Failed() {
			t.Fatalf("SLUICE_CRASH_SEED=%d\n%s", seed, tail(s.log.String()))
		}
	}
}
