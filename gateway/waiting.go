package gateway

import (
	"strconv"
	"time"

	"sluice"
)

// Headers by which a client says how its call waits.
const (
	headerClass   = "X-Sluice-Class"    // interactive, agent or batch: no higher than the call's own
	headerMaxWait = "X-Sluice-Max-Wait" // seconds: no longer than the class's
	headerTimeout = "X-Stainless-Timeout"
)

// waiting is how a call waits where engines are full.
type waiting struct {
	class sluice.QueueClass
	free  bool
	until time.Time // it is turned away then, by the wall clock
	again bool      // it had its turn, and the engine was full
}

// mayWait finds out how the call waits, before anything is held for it. Errors: CodeInvalid.
func (c *call) mayWait() error {
	w := waiting{class: c.ownClass(), free: c.isFree()}
	if name := c.r.Header.Get(headerClass); name != "" {
		class, err := sluice.ParseQueueClass(name)
		if err != nil {
			return &sluice.Error{Code: sluice.CodeInvalid, Param: headerClass, Message: sluice.ErrorOf(err).Message}
		}
		w.class = max(w.class, class)
	}
	limit := c.g.Waits[w.class]
	for _, name := range []string{headerMaxWait, headerTimeout} {
		text := c.r.Header.Get(name)
		if text == "" {
			continue
		}
		seconds, err := strconv.ParseFloat(text, 64)
		switch {
		case err == nil && seconds >= 0:
			limit = min(limit, time.Duration(min(seconds, 1e6)*float64(time.Second)))
		case name == headerMaxWait: // the other one is the SDK's own affair
			return &sluice.Error{Code: sluice.CodeInvalid, Param: name, Message: "The header " + name + " is a number of seconds."}
		}
	}
	w.until = time.Now().Add(limit)
	c.waiting = w
	return nil
}

// ownClass is the call's class: its organisation's, or as far as its project or
// its key lowers it. Of what Sluice asks in a customer's name, nobody waits for each
// answer.
func (c *call) ownClass() sluice.QueueClass {
	if c.errand.Batch {
		return sluice.QueueBatch
	}
	p := c.principal
	class := setClass(p.Org.Queue.Class)
	if p.Org.Queue.Class == "" && c.g.Ledger.Planned(p.Org.ID) || c.errand != (Errand{}) {
		class = max(class, sluice.QueueAgent)
	}
	if p.Project != nil {
		class = max(class, setClass(p.Project.Limits.QueueClass))
	}
	return max(class, setClass(p.Key.Limits.QueueClass))
}

// setClass is the class of a setting; where none is set, it is the first.
func setClass(name string) sluice.QueueClass {
	if name == "" {
		return sluice.QueueInteractive
	}
	class, err := sluice.ParseQueueClass(name)
	if err != nil {
		return sluice.QueueInteractive // what was stored was checked before
	}
	return class
}

// isFree reports whether the call brings nothing in.
func (c *call) isFree() bool {
	return c.principal.Org.Queue.Free || c.model.simulated || c.budget.want == 0
}

// waitLeft is how long the call may still wait.
func (c *call) waitLeft() time.Duration { return max(0, time.Until(c.waiting.until)) }

// defaultWaits is how long calls of each class wait.
func defaultWaits() [sluice.QueueClasses]time.Duration {
	return [sluice.QueueClasses]time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute}
}
