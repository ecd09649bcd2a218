package guide_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"sluice/docs"
	"sluice/infer/guide"
)

var write = flag.String("write", "", "write the passages of the docs to this file, for train/corpus.py")

// TestPassages: the docs are cut into passages that are short enough, and name
// where they stand.
func TestPassages(t *testing.T) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	n := 0
	for _, page := range docs.Pages() {
		for _, p := range guide.Passages(page.Name, page.Text) {
			n++
			if p.Title == "" || p.Text == "" || len(p.Text) > 370 || strings.Contains(p.Text, "\n") {
				t.Errorf("%s: a passage is not as it should be: %+v", page.Name, p)
			}
			if err := encoder.Encode(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n < 500 {
		t.Errorf("the docs have %d passages only", n)
	}
	if *write != "" {
		if err := os.WriteFile(*write, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPassagesOfAPage(t *testing.T) {
	page := "# Doors\n\nHow **doors** work, as [told](x.md).\nThey open.\n\n## Open one\n\n<!-- run -->\nIt needs a key:\n\n```sh\n# first\nopen door --key 7   # slowly\n```\n\n- an item\n  of two lines\n- another\n\n| setting | default | |\n|---|---|---|\n| `width` | `90` | in cm |\n"
	want := []guide.Passage{
		{Page: "doors", Title: "Doors", Anchor: "doors", Text: "How doors work, as told. They open."},
		{Page: "doors", Title: "Open one", Anchor: "open-one", Text: "It needs a key:", Example: "open door --key 7"},
		{Page: "doors", Title: "Open one", Anchor: "open-one", Text: "an item of two lines"},
		{Page: "doors", Title: "Open one", Anchor: "open-one", Text: "another"},
		{Page: "doors", Title: "Open one", Anchor: "open-one", Text: "setting `width`; default: `90`; in cm."},
	}
	got := guide.Passages("doors", page)
	if len(got) != len(want) {
		t.Fatalf("got %d passages: %+v", len(got), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("passage %d is %+v, want %+v", i, got[i], want[i])
		}
	}
}
