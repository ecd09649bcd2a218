package gateway

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"

	"sluice"
)

// headerModel tells which model answered, where it is not the one asked for.
const headerModel = "X-Sluice-Model"

// version returns the model that a conversation goes to: the model itself, or
// one of those that it stands for. A conversation stays with one version, since
// the engines of another have nothing of it in their caches: it is known by the client's
// name for it or else by how it begins.
func (c *call) version(m *model) *model {
	if len(m.Versions) == 0 {
		return m
	}
	hash := sha256.New()
	hash.Write([]byte(c.principal.Org.ID))
	if session := c.session(); session != "" {
		hash.Write([]byte(session))
	} else if c.media == nil {
		const beginning = 4 << 10
		prompt := c.request.Prompt()
		head := prompt[0][:min(len(prompt[0]), beginning)]
		hash.Write(head)
		hash.Write(prompt[1][:min(len(prompt[1]), beginning-len(head))])
	} else {
		hash.Write([]byte(c.id))
	}
	point := binary.BigEndian.Uint64(hash.Sum(nil))
	if v := c.directory.models[m.Version(point)]; v != nil {
		c.w.Header().Set(headerModel, v.Name)
		return v
	}
	return m // what it stands for is gone
}

// session is the client's name for the conversation, if it has one.
func (c *call) session() string {
	if c.media != nil || !c.endpoint.Generates() {
		return ""
	}
	return cmp.Or(c.request.CacheKey(), c.r.Header.Get("X-Claude-Code-Session-Id"))
}

// fallBack goes on with the models that may answer in place of the call's own,
// once its engines could not: each is admitted by itself, at its own prices, and
// one that the caller may not use or cannot pay is passed over. It returns why the
// call's own model could not when none of them can either.
func (c *call) fallBack(why error) error {
	own := c.model
	if own == nil {
		return why
	}
	for _, name := range own.Fallbacks {
		if c.errand.Held || !mayFallBack(why) || c.r.Context().Err() != nil {
			break
		}
		m := c.directory.models[name]
		if m == nil || !c.principal.Key.Allows(name) {
			continue
		}
		c.leaveModel()
		c.model, c.request.Model = m, m.Name
		c.w.Header().Set(headerModel, m.Name)
		err := c.admit()
		if err == nil {
			err = c.route()
		}
		if err == nil {
			return nil
		}
		c.g.Log.Warn("a model could not answer in place of another", "call", c.id, "model", own.Name, "fallback", name, "error", err)
	}
	if c.model != own {
		c.leaveModel()
		c.model, c.request.Model = own, own.Name
		c.w.Header().Del(headerModel)
	}
	return why
}

// mayFallBack reports whether another model may be able to answer where one was
// not: its engines were, and not the request or the caller.
func mayFallBack(why error) bool {
	switch sluice.CodeOf(why) {
	case sluice.CodeUnavailable, sluice.CodeOverloaded, sluice.CodeEngineFailed, sluice.CodeTimeout:
		return true
	}
	return false
}

// leaveModel gives back what the call was admitted with.
func (c *call) leaveModel() {
	c.releaseHold()
	c.held = false
	c.pass.leave(0)
	c.pass = pass{}
}
