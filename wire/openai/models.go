package openai

import "sluice"

// ModelObject is one entry of GET /v1/models, with the fields that OpenAI's
// clients know and, beside them, what a buyer of open models looks for.
type ModelObject struct {
	ID            string `json:"id"`
	Object        string `json:"object"` // "model"
	Created       int64  `json:"created"`
	OwnedBy       string `json:"owned_by"`
	Description   string `json:"description,omitempty"`
	ContextLength int64  `json:"context_length,omitempty"`
	Simulated     bool   `json:"simulated,omitempty"`
}

// ModelList is the answer of GET /v1/models.
type ModelList struct {
	Object string        `json:"object"` // "list"
	Data   []ModelObject `json:"data"`
}

// NewModelObject describes a model to a client. simulated says that an engine
// which makes its answers up stands behind it.
func NewModelObject(m *sluice.Model, simulated bool) ModelObject {
	owner := m.OwnedBy
	if owner == "" {
		owner = "sluice"
	}
	return ModelObject{
		ID: m.Name, Object: "model", Created: m.CreatedAt.Unix(), OwnedBy: owner,
		Description: m.Description, ContextLength: m.ContextLength, Simulated: simulated,
	}
}
