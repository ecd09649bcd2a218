package fleet

// InFlight is how many calls an engine answers now, those from before it left
// the set or moved among them.
func (f *Fleet) InFlight(id string) (calls int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, set := range [][]*replica{f.replicas, f.leaving} {
		for _, r := range set {
			if r.grant.engine.ID == id {
				calls += r.inFlight
			}
		}
	}
	return calls
}
