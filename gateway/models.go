package gateway

import (
	"encoding/json"
	"net/http"

	"sluice"
	"sluice/wire/openai"
)

// listModels answers GET /v1/models: what the caller's key may use.
func (g *Gateway) listModels(w http.ResponseWriter, r *http.Request) {
	g.name(w, g.Now())
	d := g.Directory()
	p, err := g.principal(d, r)
	if err != nil {
		openai.WriteError(w, sluice.ErrorOf(err))
		return
	}
	list := openai.ModelList{Object: "list", Data: []openai.ModelObject{}}
	for _, name := range d.names {
		if p.Key.Allows(name) {
			m := d.models[name]
			list.Data = append(list.Data, openai.NewModelObject(&m.Model, m.simulated))
		}
	}
	writeJSON(w, list)
}

// getModel answers GET /v1/models/{id}.
func (g *Gateway) getModel(w http.ResponseWriter, r *http.Request) {
	g.name(w, g.Now())
	d := g.Directory()
	p, err := g.principal(d, r)
	if err != nil {
		openai.WriteError(w, sluice.ErrorOf(err))
		return
	}
	m := d.models[r.PathValue("id")]
	if m == nil || !p.Key.Allows(m.Name) {
		openai.WriteError(w, sluice.Errorf(sluice.CodeModelNotFound, "The model %.128q does not exist.", r.PathValue("id")))
		return
	}
	writeJSON(w, openai.NewModelObject(&m.Model, m.simulated))
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
