package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// FaultKind is a way in which an engine fails.
type FaultKind string

// The kinds. Those that strike in the middle of an answer do so after
// Fault.After tokens; with 0 before its first byte.
const (
	FaultRefuse    FaultKind = "refuse"     // 503 with retry-after
	FaultHTML      FaultKind = "html"       // 502 with an HTML page, as from a proxy in between
	FaultStall     FaultKind = "stall"      // sends nothing more until the client leaves
	FaultDie       FaultKind = "die"        // drops the connection
	FaultMalformed FaultKind = "malformed"  // sends a broken chunk and goes on; without a stream, half of the JSON
	FaultSlow      FaultKind = "slow"       // waits Fault.Delay before every further token
	FaultOmitUsage FaultKind = "omit_usage" // says nothing of tokens, neither in headers nor in usage
)

// Fault is what goes wrong with requests; the zero value is nothing.
type Fault struct {
	Kind  FaultKind
	After int           // tokens that are sent before, for stall, die, malformed and slow
	Every int           // strikes each so-many-th request, every one by default
	Delay time.Duration // of slow, before each token; 1 s by default
}

// settings maps the name of each setting to what reads its value into f.
func (f *Fault) settings() map[string]func(string) error {
	return map[string]func(string) error{
		"fault": f.setKind,
		"after": whole(&f.After, 0, maxContext),
		"every": whole(&f.Every, 1, 1<<30),
		"delay": duration(&f.Delay),
	}
}

func (f *Fault) setKind(s string) error {
	kinds := []FaultKind{FaultRefuse, FaultHTML, FaultStall, FaultDie, FaultMalformed, FaultSlow, FaultOmitUsage}
	if !slices.Contains(kinds, FaultKind(s)) {
		return fmt.Errorf("unknown fault (known: %s)", strings.Trim(fmt.Sprint(kinds), "[]"))
	}
	f.Kind = FaultKind(s)
	return nil
}

// inside reports whether the fault strikes in the middle of an answer.
func (f *Fault) inside() bool {
	switch f.Kind {
	case FaultStall, FaultDie, FaultMalformed, FaultSlow:
		return true
	}
	return false
}

// check reports settings that say nothing to the fault's kind.
func (f *Fault) check() error {
	switch {
	case f.Kind == "" && (f.After != 0 || f.Every != 0 || f.Delay != 0):
		return fmt.Errorf("after, every and delay need a fault")
	case f.After != 0 && !f.inside():
		return fmt.Errorf("after says nothing to the fault %q", f.Kind)
	case f.Delay != 0 && f.Kind != FaultSlow:
		return fmt.Errorf("delay belongs to the fault %q", FaultSlow)
	}
	return nil
}

// parseFault reads the header x-sluice-fault: "die; after=5". Every request
// speaks for itself alone, so there is no every.
func parseFault(header string) (Fault, error) {
	fail := func(err error) (Fault, error) {
		return Fault{}, fmt.Errorf("x-sluice-fault %q: %w", header, err)
	}
	var f Fault
	kind, rest, more := strings.Cut(header, ";")
	if err := f.setKind(strings.TrimSpace(kind)); err != nil {
		return fail(err)
	}
	settings := f.settings()
	delete(settings, "fault")
	delete(settings, "every")
	for more {
		var setting string
		setting, rest, more = strings.Cut(rest, ";")
		key, value, _ := strings.Cut(strings.TrimSpace(setting), "=")
		set, known := settings[key]
		if !known {
			return fail(fmt.Errorf("unknown or repeated setting %q (known: after, delay)", key))
		}
		if err := set(value); err != nil {
			return fail(fmt.Errorf("%s=%q: %w", key, value, err))
		}
		delete(settings, key)
	}
	if err := f.check(); err != nil {
		return fail(err)
	}
	return f, nil
}
