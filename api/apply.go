package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v4"

	"sluice"
)

// Manifest describes models, engines and price lists as they shall be. What
// it does not name stays as it is.
type Manifest struct {
	Models  []ManifestModel    `json:"models,omitempty" yaml:"models" maxItems:"1024"`
	Engines []ManifestEngine   `json:"engines,omitempty" yaml:"engines" maxItems:"1024"`
	Prices  []PublishPriceBook `json:"prices,omitempty" yaml:"prices" maxItems:"64" doc:"Whole price lists; one that says what is in force already is not published again."`
}

// ManifestModel is a model in a manifest.
type ManifestModel struct {
	Name     string `json:"name" yaml:"name" minLength:"1" maxLength:"128"`
	PutModel `yaml:",inline"`
}

// ManifestEngine is an engine in a manifest.
type ManifestEngine struct {
	Name      string `json:"name" yaml:"name" minLength:"1" maxLength:"128"`
	PutEngine `yaml:",inline"`
}

// Apply asks to bring the server to a manifest.
type Apply struct {
	Manifest Manifest `json:"manifest"`
	DryRun   bool     `json:"dry_run,omitempty" doc:"Check everything and tell what would change."`
}

// Applied is what applying a manifest changed, or would change.
type Applied struct {
	DryRun  bool            `json:"dry_run"`
	Changes []AppliedChange `json:"changes"`
}

// AppliedChange is what became of one part of a manifest.
type AppliedChange struct {
	Kind   string        `json:"kind" enum:"model,engine,price_book"`
	Name   string        `json:"name" doc:"Of a price book: its currency."`
	Action string        `json:"action" enum:"create,update,unchanged"`
	Prices []PriceChange `json:"prices,omitempty"`
}

// ParseManifest reads a manifest from YAML (or JSON, which is YAML as well).
// Prices and amounts may stand without quotes: their digits are taken as
// written. Unknown and duplicate names are refused. Errors: CodeInvalid.
func ParseManifest(data []byte) (Manifest, error) {
	var m Manifest
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&m); err != nil && !errors.Is(err, io.EOF) {
		return Manifest{}, &sluice.Error{Code: sluice.CodeInvalid, Message: fmt.Sprintf("The manifest cannot be read: %v.", err), Err: err}
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Manifest{}, sluice.Errorf(sluice.CodeInvalid, "The manifest has more than one document.")
	}
	return m, nil
}
