package sluice

import (
	"encoding/json"
	"math/bits"
	"testing"
)

func TestFeatures(t *testing.T) {
	if n := bits.TrailingZeros32(uint32(endOfFeatures)); n != len(FeatureNames()) {
		t.Fatalf("%d features have %d names", n, len(FeatureNames()))
	}
	all, err := ParseFeatures(FeatureNames())
	if err != nil || all != endOfFeatures-1 {
		t.Fatalf("all features: %b, %v", all, err)
	}
	some := FeatureFiles | FeatureTools
	if s := some.String(); s != "tools, files" {
		t.Error(s)
	}
	if some.First() != FeatureTools || Features(0).First() != 0 {
		t.Error("the first is another one")
	}
	raw, err := json.Marshal(some)
	var back Features
	if err != nil || string(raw) != `["tools","files"]` || json.Unmarshal(raw, &back) != nil || back != some {
		t.Errorf("%s, %v, %v", raw, err, back)
	}
	if err := json.Unmarshal([]byte(`["magic"]`), &back); CodeOf(err) != CodeInvalid {
		t.Errorf("a feature that is none: %v", err)
	}
	for kind, want := range map[EngineKind]Features{EngineHTTP: FeatureSeed, EngineEmbedded: FeatureSeed | FeatureEcho} {
		e := Engine{Kind: kind, Lacks: FeatureSeed}
		if got := e.Missing() & (FeatureSeed | FeatureTools | FeatureEcho); got != want {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
	}
}
