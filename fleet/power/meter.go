package power

import (
	"math/bits"
	"time"

	"sluice/money/electricity"
)

// Draw is what an engine draws.
type Draw struct {
	Milliwatts int64 // 0 to MaxMilliwatts
	Source     electricity.Source
}

// MaxMilliwatts is more than one engine draws, 1 MW: what is beyond it is a fault.
const MaxMilliwatts = 1_000_000_000

// maxGap is the longest time that may be bridged: the arithmetic holds for it.
const maxGap = 10 * time.Minute

// reading is a draw with when it was read.
type reading struct {
	Draw

	at time.Time     // by the wall clock, which may be set
	up time.Duration // by a clock that only goes forward
}

// meter integrates the readings of one engine by the trapezoidal rule. How long
// it was between two readings the clock says that only goes forward; when it was, the
// wall clock at the second one.
type meter struct {
	last  reading
	begun bool
	rest  uint64 // nanojoules that are not a whole millijoule yet
}

// read takes a reading and returns the energy since the one before, by slots;
// none when one of them is unknown, or that was longer ago than the longest gap.
func (m *meter) read(now reading, longest time.Duration) []electricity.Drawn {
	last, begun := m.last, m.begun
	m.last, m.begun = now, true
	took := now.up - last.up
	if !begun || took < time.Microsecond || took > min(longest, maxGap) || last.Source == electricity.Unknown || now.Source == electricity.Unknown {
		return nil
	}
	whole := took.Microseconds()
	from := now.at.Add(-time.Duration(whole) * time.Microsecond)
	var parts []electricity.Drawn
	for x := int64(0); x < whole; {
		slot := electricity.SlotOf(from.Add(time.Duration(x) * time.Microsecond))
		end := min(whole, max(x+1, slot.Add(electricity.Slot).Sub(from).Microseconds()))
		nano := m.rest + energyAt(last.Milliwatts, now.Milliwatts, end, whole) - energyAt(last.Milliwatts, now.Milliwatts, x, whole)
		part := electricity.Part{Energy: electricity.Energy(nano / 1e6), For: time.Duration(end-x) * time.Microsecond}
		m.rest = nano % 1e6
		d := electricity.Drawn{Slot: slot}
		if last.Source == electricity.Measured && now.Source == electricity.Measured {
			d.Measured = part
		} else {
			d.Estimated = part
		}
		parts = append(parts, d)
		x = end
	}
	return parts
}

// energyAt is the nanojoules of the first x of whole microseconds in which the
// power goes evenly from a to b milliwatts: x(2a·whole + (b−a)x) / 2whole.
func energyAt(a, b, x, whole int64) uint64 {
	high, low := bits.Mul64(uint64(2*a*whole+(b-a)*x), uint64(x))
	nano, _ := bits.Div64(high, low, uint64(2*whole))
	return nano
}
