package gateway

import (
	"encoding/json"
	"net/http"

	"sluice"
	"sluice/wire/openai"
)

// modelList is openai.ModelList with what a plan makes of each model.
type modelList struct {
	Object string        `json:"object"`
	Data   []modelObject `json:"data"`
}

// modelObject is a model as a client sees it. Multiplier is how many times a
// call to it counts in the caller's plan now, absent without a plan.
type modelObject struct {
	openai.ModelObject

	Multiplier string `json:"multiplier,omitempty"`
}

func (g *Gateway) modelObject(p *sluice.Principal, m *model) modelObject {
	o := modelObject{ModelObject: openai.NewModelObject(&m.Model, m.simulated)}
	if p.Org == nil {
		return o
	}
	if plan := g.Ledger.PlanMeter(p.Org.ID, m.Name, g.Now()); plan != nil {
		o.Multiplier = multiplier(plan)
	}
	return o
}

// listModels answers GET /v1/models: what the caller's key may use.
func (g *Gateway) listModels(w http.ResponseWriter, r *http.Request) {
	id := g.name(w, g.Now(), "")
	if l := g.listerFor(r.Header); l != nil {
		g.listModelsFor(l, w, r, id)
		return
	}
	d := g.Directory()
	p, err := g.principal(d, r)
	if err != nil {
		openai.WriteError(w, sluice.ErrorOf(err))
		return
	}
	list := modelList{Object: "list", Data: []modelObject{}}
	for _, name := range d.names {
		if m := d.models[name]; p.Key.Allows(name) && !m.Hidden {
			list.Data = append(list.Data, g.modelObject(p, m))
		}
	}
	writeJSON(w, list)
}

// getModel answers GET /v1/models/{id}.
func (g *Gateway) getModel(w http.ResponseWriter, r *http.Request) {
	id := g.name(w, g.Now(), "")
	if l := g.listerFor(r.Header); l != nil {
		g.getModelFor(l, w, r, id)
		return
	}
	d := g.Directory()
	p, err := g.principal(d, r)
	if err != nil {
		openai.WriteError(w, sluice.ErrorOf(err))
		return
	}
	m := d.models[r.PathValue("id")]
	if m == nil || !p.Key.Allows(m.Name) {
		openai.WriteError(w, noModel(r.PathValue("id")))
		return
	}
	writeJSON(w, g.modelObject(p, m))
}

// noModel is about a model that is not there, or not for this caller.
func noModel(name string) *sluice.Error {
	return sluice.Errorf(sluice.CodeModelNotFound, "The model %.128q does not exist.", name)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
