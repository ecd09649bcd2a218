package sluice

import "time"

// Model is what is sold: a public name behind which one or more engines answer.
type Model struct {
	Name          string    `json:"name"`
	Description   string    `json:"description,omitempty"`
	OwnedBy       string    `json:"owned_by,omitempty"`
	ContextLength int64     `json:"context_length,omitempty"` // tokens; zero is unknown
	Aliases       []string  `json:"aliases,omitempty"`        // other names that clients may call it by
	CreatedAt     time.Time `json:"created_at"`

	// Versions make it a name for other models: each conversation goes to one of
	// them, by weight, and costs what that one costs. It needs no engine and no price
	// of its own then.
	Versions []ModelVersion `json:"versions,omitempty"`

	// Fallbacks are models that answer in its place, in this order, where none of
	// its engines can before the first byte. A call costs what the model costs that
	// answers it.
	Fallbacks []string `json:"fallbacks,omitempty"`

	// Shadow is a model that is asked the same on the side; nil for none.
	Shadow *Shadow `json:"shadow,omitempty"`

	// Hidden keeps it out of lists that customers and everybody read. Who knows its
	// name calls it as any other.
	Hidden bool `json:"hidden,omitempty"`
}

// ModelVersion is a model that a part of another one's calls goes to.
type ModelVersion struct {
	Model  string `json:"model" yaml:"model"`
	Weight int64  `json:"weight" yaml:"weight" minimum:"0" maximum:"1000000"` // in relation to the others'
}

// Shadow has a part of a model's calls asked of another one as well. Clients
// do not see those answers. They are metered and billed to the key's organisation.
type Shadow struct {
	Model string `json:"model" yaml:"model"`
	Part  int64  `json:"part" yaml:"part" minimum:"1" maximum:"1000" doc:"How many of a thousand calls."`
	Key   string `json:"key" yaml:"key" doc:"Id of the API key that they are made with: of an organisation of the operator's own."`
}

// Version returns the version that stands at a point, any number: as many
// points lead to each as its weight says. It is empty when there are none.
func (m *Model) Version(point uint64) string {
	var all uint64
	for _, v := range m.Versions {
		all += uint64(max(v.Weight, 0))
	}
	if all == 0 {
		return ""
	}
	point %= all
	for _, v := range m.Versions {
		weight := uint64(max(v.Weight, 0))
		if point < weight {
			return v.Model
		}
		point -= weight
	}
	return ""
}

// ValidModelName reports whether a model may be called so: 1 to 128 printable
// ASCII characters without spaces, quotes or backslashes, so that the name can
// stand in a URL path, a header and a JSON string as it is.
func ValidModelName(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
