package guide

import (
	"slices"
	"strings"
	"testing"

	"sluice/docs"
)

// TestSorterSorts: what a question has in common with one way to ask decides, and
// what has nothing in common with any is not known to be of one class.
func TestSorterSorts(t *testing.T) {
	s := newSorter(newLexicon(), [][]string{
		{"how do i start the server", "boot it", "bring the server up", "launch"},
		{"how do i stop the server", "shut it down", "take the server away", "quit"},
		{"what is the balance of acme", "how much money is left", "funds"},
	})
	for question, want := range map[string]int{"launching": 0, "How do I boot the thing?": 0, "shutting down": 1, "is any money left": 2, "BALANCE of globex": 2} {
		chances := s.sort(question)
		if got := slices.Index(chances, slices.Max(chances)); got != want {
			t.Errorf("%q is of class %d: %v", question, got, chances)
		}
	}
	for _, question := range []string{"", "zzz qqq", "Ελλάδα"} {
		for _, chance := range s.sort(question) {
			if chance > 0.5 {
				t.Errorf("%q is sorted: %v", question, s.sort(question))
			}
		}
	}
	if a, b := s.sort("how much is left"), s.sort("how much is left"); !slices.Equal(a, b) {
		t.Errorf("%v, then %v", a, b)
	}
}

// TestWaysThatWereLeftOut asks, of a part of the ways to ask after another, what the
// guide makes of them when it has learned from the others alone. So its constants can
// be chosen without any of the questions by which the model in the box is evaluated.
func TestWaysThatWereLeftOut(t *testing.T) {
	const parts = 4
	pages := []Page{}
	for _, p := range docs.Pages() {
		pages = append(pages, Page{p.Name, p.Text})
	}
	var asked, first, shown, nothing int
	for part := range parts {
		i := 0
		left := map[string][]string{} // by heading
		g := newGuide(pages, func(heading string) []string {
			return slices.DeleteFunc(askedFor(heading), func(text string) bool {
				i++
				if text == heading || i%parts != part {
					return false
				}
				left[heading] = append(left[heading], text)
				return true
			})
		})
		for heading, texts := range left {
			for _, text := range texts {
				found := g.Prepare(text).Found
				asked++
				if len(found) == 0 {
					nothing++
				} else if found[0].Title == heading {
					first++
				}
				if slices.ContainsFunc(found, func(h Hit) bool { return h.Title == heading }) {
					shown++
				}
			}
		}
	}
	percent := func(n int) float64 { return 100 * float64(n) / float64(asked) }
	t.Logf("%d ways: the right answer is shown first to %.1f %%, shown to %.1f, nothing to %.1f", asked, percent(first), percent(shown), percent(nothing))
	if asked < 1000 || percent(first) < 78 || percent(nothing) > 10 {
		t.Error("it finds less than it did")
	}
}

func TestBeyondIsQuestions(t *testing.T) {
	lines := beyond()
	if len(lines) < 300 {
		t.Errorf("there are %d", len(lines))
	}
	slices.Sort(lines)
	for i, line := range lines {
		if line != strings.TrimSpace(line) || line == "" || i > 0 && line == lines[i-1] {
			t.Errorf("%q", line)
		}
	}
}
