package closing

import (
	"log/slog"
	"time"
)

// What a clock must do to be believed.
const (
	clockJump = 10 * time.Minute // more than it is ever set by in small steps
	clockHold = time.Hour        // how long it must hold after it jumped
)

// clock compares the clock that hours are sealed by with the time that goes by.
// After a jump nothing is sealed for a while: an hour that was sealed because the clock was
// wrong would be so for good, and all calls until then would be late.
type clock struct {
	now    func() time.Time
	log    *slog.Logger
	shown  time.Time // what it showed when it was last looked at,
	at     time.Time // and when that was
	jumped time.Time // when it was last seen to have jumped; zero: never
}

func (s *Service) watchClock() *clock {
	return &clock{now: s.opt.Now, log: s.opt.Log, shown: s.opt.Now(), at: time.Now()}
}

// doubtful looks at the clock, and returns for how long it is not to be believed.
func (c *clock) doubtful() time.Duration {
	shown, at := c.now(), time.Now()
	by := shown.Round(0).Sub(c.shown.Round(0)) - at.Sub(c.at) // without what Go measures beside the clock
	c.shown, c.at = shown, at
	if by.Abs() > clockJump {
		c.jumped = at
		c.log.Error("the clock jumped, and no hour is sealed until it has held for a while", "by", by, "to", shown, "for", clockHold)
	}
	if c.jumped.IsZero() {
		return 0
	}
	return max(0, clockHold-at.Sub(c.jumped))
}
