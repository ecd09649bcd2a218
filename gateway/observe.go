package gateway

import "sluice"

// observe tells the observer how the call went.
func (c *call) observe() {
	if c.g.Observer == nil {
		return
	}
	r := sluice.Report{
		CallID: c.id, Endpoint: c.path(), TraceParent: c.r.Header.Get("Traceparent"),
		StartedAt: c.admitted, FirstAt: c.firstAt, EndedAt: c.g.Now(),
		Event: c.event, Failed: c.failed, Left: c.left,
	}
	if c.taken.Engine != nil {
		r.Engine = c.taken.Engine.Name
	}
	if p := c.principal; p != nil && p.Org != nil {
		r.Org, r.Project, r.Key, r.Currency = p.Org.ID, p.Key.Project, p.Key.ID, p.Org.Currency
	}
	if c.model != nil {
		r.Model, r.Stream = c.model.Name, c.request.Stream
	}
	c.g.Observer.CallEnded(r)
}
