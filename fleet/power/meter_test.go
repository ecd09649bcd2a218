package power

import (
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/money/electricity"
)

func measured(watts int64) Draw { return Draw{watts * 1000, electricity.Measured} }

func midnight() time.Time { return time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC) }

// TestMeter integrates a few readings that can be worked out by hand.
func TestMeter(t *testing.T) {
	t0 := midnight().Add(14*time.Minute + 50*time.Second)
	first, second := electricity.SlotOf(t0), electricity.SlotOf(t0).Add(electricity.Slot)
	at := func(d time.Duration, draw Draw) reading { return reading{draw, t0.Add(d), time.Hour + d} }
	set := func(r reading, d time.Duration) reading { r.at = r.at.Add(d); return r } // the wall clock
	part := func(joules int64, d time.Duration) electricity.Part {
		return electricity.Part{Energy: electricity.Energy(joules * 1000), For: d}
	}
	const s = time.Second
	estimated, unknown := Draw{100_000, electricity.Estimated}, Draw{Source: electricity.Unknown}
	for name, c := range map[string]struct {
		readings []reading
		want     []electricity.Drawn
	}{
		"the first":      {[]reading{at(0, measured(100))}, nil},
		"even":           {[]reading{at(0, measured(100)), at(5*s, measured(100))}, []electricity.Drawn{{Slot: first, Measured: part(500, 5*s)}}},
		"a ramp":         {[]reading{at(0, measured(100)), at(10*s, measured(300))}, []electricity.Drawn{{Slot: first, Measured: part(2000, 10*s)}}},
		"over the edge":  {[]reading{at(5*s, measured(0)), at(15*s, measured(400))}, []electricity.Drawn{{Slot: first, Measured: part(500, 5*s)}, {Slot: second, Measured: part(1500, 5*s)}}},
		"a gap":          {[]reading{at(-40*s, measured(100)), at(-9*s, measured(100)), at(-8*s, measured(100))}, []electricity.Drawn{{Slot: first, Measured: part(100, s)}}},
		"estimated once": {[]reading{at(0, measured(100)), at(s, estimated), at(2*s, measured(100))}, []electricity.Drawn{{Slot: first, Estimated: part(100, s)}, {Slot: first, Estimated: part(100, s)}}},
		"unknown once":   {[]reading{at(0, measured(100)), at(s, unknown), at(2*s, measured(100)), at(3*s, measured(100))}, []electricity.Drawn{{Slot: first, Measured: part(100, s)}}},
		"set forward":    {[]reading{at(0, measured(100)), set(at(5*s, measured(100)), 20*time.Minute)}, []electricity.Drawn{{Slot: second.Add(electricity.Slot), Measured: part(500, 5*s)}}},
		"set back":       {[]reading{at(0, measured(100)), set(at(5*s, measured(100)), -time.Hour)}, []electricity.Drawn{{Slot: first.Add(-time.Hour), Measured: part(500, 5*s)}}},
		"twice at once":  {[]reading{at(0, measured(100)), at(0, measured(900))}, nil},
	} {
		var m meter
		var got []electricity.Drawn
		for _, r := range c.readings {
			got = append(got, m.read(r, 30*s)...)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// TestMeterLosesNothing adds up random readings at random times: the energy is
// that of the exact sum of trapezoids, but for less than a millijoule that is
// still to come, and less than a nanojoule a reading.
func TestMeterLosesNothing(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		var m meter
		sum, want := new(big.Rat), new(big.Rat)
		covered, up, last := time.Duration(0), time.Duration(0), int64(0)
		const n = 500
		for i := range n {
			took := time.Duration(1+dice.Int64N(int64(maxGap/time.Microsecond))) * time.Microsecond
			mw := dice.Int64N(MaxMilliwatts + 1)
			if i == 0 {
				took = 0
			}
			up += took
			for _, d := range m.read(reading{Draw{mw, electricity.Measured}, midnight().Add(up), up}, maxGap) {
				sum.Add(sum, big.NewRat(int64(d.Measured.Energy), 1))
				covered += d.Measured.For
				if d.Measured.Energy < 0 || d.Measured.For <= 0 || d.Measured.For > electricity.Slot {
					t.Fatalf("a part of %d mJ in %s", d.Measured.Energy, d.Measured.For)
				}
			}
			want.Add(want, new(big.Rat).Mul(big.NewRat(last+mw, 2*1e6), big.NewRat(took.Microseconds(), 1))) // mW × µs / 10⁶
			last = mw
		}
		if covered != up {
			t.Errorf("%s of %s are covered", covered, up)
		}
		if left := want.Sub(want, sum); left.Sign() < 0 || left.Cmp(big.NewRat(1e6+n, 1e6)) > 0 {
			t.Errorf("%s mJ are lost", left.FloatString(9))
		}
	}
}
