package sluice_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sluice"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestIDsAreUnique(t *testing.T) {
	const n = 100_000
	seen := make(map[string]bool, n)
	for range n {
		id := sluice.NewID(sluice.PrefixCall, noon)
		if seen[id] {
			t.Fatalf("%s came twice", id)
		}
		seen[id] = true
	}
}

func TestIDsSortByTime(t *testing.T) {
	var ids []string
	for bit := range 48 { // the instants that differ first in each bit of the 48
		for _, ms := range []int64{1<<bit - 1, 1 << bit} {
			ids = append(ids, sluice.NewID("x", time.UnixMilli(ms)))
		}
	}
	ids = slices.Delete(ids, 1, 3) // 1 and 1: of one millisecond, in any order
	if !slices.IsSorted(ids) {
		t.Errorf("ids do not sort by time: %v", ids)
	}
}

func TestIsID(t *testing.T) {
	for _, prefix := range []string{
		sluice.PrefixOrganisation, sluice.PrefixProject, sluice.PrefixKey, sluice.PrefixEngine,
		sluice.PrefixBook, sluice.PrefixCall, sluice.PrefixTx,
	} {
		id := sluice.NewID(prefix, noon)
		if !sluice.IsID(id, prefix) {
			t.Errorf("%s is none of %s", id, prefix)
		}
		for _, bad := range []string{
			"", prefix, prefix + "_", id[1:], id[:len(id)-1], id + "0", "x" + id, strings.ToUpper(id),
			id[:len(id)-1] + "u", id[:len(id)-1] + "/", id[:len(id)-2] + "é", strings.Replace(id, "_", "-", 1),
		} {
			if sluice.IsID(bad, prefix) {
				t.Errorf("%q passes for an id of %s", bad, prefix)
			}
		}
		if sluice.IsID(id, "other") {
			t.Errorf("%s passes for an id of other", id)
		}
	}
}

func TestDeriveID(t *testing.T) {
	batch := sluice.NewID(sluice.PrefixBatchJob, noon)
	seen := map[string]int64{}
	for line := range int64(10_000) {
		id := sluice.BatchCall(batch, line)
		if !sluice.IsID(id, sluice.PrefixCall) || id != sluice.BatchCall(batch, line) {
			t.Fatalf("line %d has %q, and then %q", line, id, sluice.BatchCall(batch, line))
		}
		if other, ok := seen[id]; ok {
			t.Fatalf("lines %d and %d have %s", other, line, id)
		}
		seen[id] = line
	}
	later := sluice.NewID(sluice.PrefixBatchJob, noon.Add(time.Second))
	if a, b := sluice.BatchCall(batch, 1), sluice.BatchCall(later, 1); a >= b || b <= sluice.NewID(sluice.PrefixCall, noon) {
		t.Errorf("%s and %s do not sort by time", a, b)
	}
	if id := sluice.DeriveID("x", "name", "no id"); !sluice.IsID(id, "x") {
		t.Errorf("%q", id)
	}
}

// TestCutID takes ids apart and joins them again, and refuses what is no id:
// each text that it takes apart is what comes out.
func TestCutID(t *testing.T) {
	for range 1000 {
		id := sluice.NewID("call", noon)
		prefix, u, ok := sluice.CutID(id)
		if !ok || prefix != "call" || string(sluice.JoinID(nil, prefix, u)) != id {
			t.Fatalf("%s: %q, %x, %t", id, prefix, u, ok)
		}
	}
	id := sluice.NewID("a_b", time.Unix(1, 0))
	if prefix, _, ok := sluice.CutID(id); prefix != "a_b" || !ok {
		t.Errorf("%s: prefix %q", id, prefix)
	}
	for _, bad := range []string{"", "call", "call_1", id[:len(id)-1] + "1", id[:len(id)-1] + "u", strings.ToUpper(id), id[:len(id)-1] + "\x7f", id[:len(id)-1] + "\x01"} {
		if prefix, u, ok := sluice.CutID(bad); ok {
			t.Errorf("%q: %q, %x", bad, prefix, u)
		}
	}
}
