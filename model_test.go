package sluice_test

import (
	"testing"

	"sluice"
)

func TestVersion(t *testing.T) {
	m := sluice.Model{Versions: []sluice.ModelVersion{{Model: "a", Weight: 3}, {Model: "off"}, {Model: "b", Weight: 1}}}
	got := map[string]int{}
	for point := range uint64(4000) {
		got[m.Version(point)]++
	}
	if len(got) != 2 || got["a"] != 3000 || got["b"] != 1000 {
		t.Errorf("4,000 points lead to %v", got)
	}
	if v := (&sluice.Model{}).Version(7); v != "" {
		t.Errorf("a model without versions leads to %q", v)
	}
}
