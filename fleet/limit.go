package fleet

// limit is how many calls an engine takes at once, as far as it has shown: by
// refusing one, or by saying that some wait inside of it. It is a value and pure.
//
// What an engine refuses or keeps waiting is better kept waiting here, where calls
// have their order. So the limit falls at once to what was under way, and rises by
// one after twice its number of calls were served with all places taken: each rise
// that was one too many costs one refused call, which waits on.
type limit struct {
	most   int64 // zero: it has shown none
	served int64 // calls, with all places taken, since it last changed
}

// refused is the limit after the engine refused a call while it had so many others.
func (l limit) refused(running int64) limit {
	if running = max(running, 1); l.most == 0 || running < l.most {
		l.most = running
	}
	l.served = 0
	return l
}

// measured is the limit after the engine said how many calls wait inside of
// it, -1 when it does not say, while it had so many in all.
func (l limit) measured(running, waiting int64) limit {
	switch {
	case waiting < 0: // it does not say
	case waiting > 0:
		return l.refused(running - waiting)
	case l.most > 0 && running >= l.most:
		return limit{most: l.most + max(1, l.most/8)}
	}
	return l
}

// ended is the limit after a call was served while the engine had so many, with it.
func (l limit) ended(running int64) limit {
	if l.most == 0 || running < l.most {
		return l
	}
	if l.served++; l.served >= 2*l.most {
		return limit{most: l.most + 1}
	}
	return l
}

// of is the limit that holds beside the one that the operator gave, of which zero is none.
func (l limit) of(given int64) int64 {
	if given == 0 || l.most > 0 && l.most < given {
		return l.most
	}
	return given
}
