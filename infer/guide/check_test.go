package guide

import (
	"strings"
	"testing"
)

// page has two passages that differ in one figure.
const page = "# Locks\n\nThe north door opens with the flag `--key 7` at 8:30.\n\n# Gates\n\nThe south gate opens with the flag `--key 9` at 6:15.\n"

func TestAnswersAreHeldAgainstThePassage(t *testing.T) {
	g := New([]Page{{Name: "doors", Text: page}})
	task := Task{words: g.index.lexicon}
	for _, p := range g.index.passages {
		task.Found = append(task.Found, Hit{Passage: p})
	}
	north, south := task.Found[0].Full(), task.Found[1].Full()
	for _, c := range []struct {
		name, answer string
		verdict      Verdict
		want         string // what the answer begins with
		cites        string
	}{
		{"the sentence itself", north + " [1]", Kept, north, "locks"},
		{"a part of it", "Use the flag `--key 7`. [1]", Kept, "Use the flag `--key 7`.", "locks"},
		{"the wrong citation", "The south gate opens at 6:15. [1]", Kept, "The south gate opens at 6:15.", "gates"},
		{"no citation", "The south gate opens at 6:15.", Kept, "The south gate opens at 6:15.", "gates"},
		{"a wrong figure", "The north door opens at 8:31. [1]", Replaced, north, "locks"},
		{"a wrong flag", "The north door opens with `--lock 7`. [1]", Replaced, north, "locks"},
		{"facts of two passages", "The north door opens at 6:15 with `--key 7`. [2]", Replaced, south, "gates"},
		{"an invented name", "The north door opens with Slopper at 8:30. [1]", Replaced, north, "locks"},
		{"other words", "whatever you like it to be called, say hello first [1]", Replaced, north, "locks"},
		{"a command cut short", "Open it with `--key`. [1]", Replaced, north, "locks"},
		{"nothing", "", Replaced, north, "locks"},
		{"a refusal", Beyond, Refused, Beyond, ""},
	} {
		got, verdict := task.Check(c.answer, 1)
		if verdict != c.verdict || !strings.HasPrefix(got, c.want) || c.cites != "" && !strings.HasSuffix(got, "[1] docs/doors.md#"+c.cites) {
			t.Errorf("%s: %s, %q", c.name, verdict, got)
		}
	}
}

func TestWithoutPassagesTheLossDecides(t *testing.T) {
	g := New([]Page{{Name: "doors", Text: page}})
	task := g.Prepare("whose idea was the opera house")
	if len(task.Found) != 0 {
		t.Fatalf("found %+v", task.Found)
	}
	if got, verdict := task.Check("Hello! [2]", strangest-1); verdict != Kept || got != "Hello!" {
		t.Errorf("a familiar question: %s, %q", verdict, got)
	}
	if got, verdict := task.Check("Hello!", strangest+1); verdict != Refused || got != Beyond {
		t.Errorf("a strange question: %s, %q", verdict, got)
	}
	// What is said to the model itself needs no passage.
	if got, verdict := g.Prepare("Who are you?").Check("I am tiny.", strangest+1); verdict != Kept || got != "I am tiny." {
		t.Errorf("who are you: %s, %q", verdict, got)
	}
}

func TestARefusalOfWhatIsKnownIsReplaced(t *testing.T) {
	g := New([]Page{{Name: answersPage, Text: "# How do I open the gate?\n\nWith the lever.\n\n# How do I ring the bell?\n\nPull.\n"}})
	task := g.Prepare("open the gate")
	if got, verdict := task.Check(Beyond, 1); verdict != Replaced || !strings.HasPrefix(got, "With the lever.") {
		t.Errorf("all words are known: %s, %q", verdict, got)
	}
	task.Found[0].Cover = 0.7
	if got, verdict := task.Check(Beyond, 1); verdict != Refused || got != Beyond {
		t.Errorf("not all words are known: %s, %q", verdict, got)
	}
}

func TestNamesAndDatesDoNotMatter(t *testing.T) {
	l := newLexicon()
	for question, want := range map[string]string{
		"make a door named Waldo":    "door",
		"a gate called Ostia please": "gat",
		"the door of 3 May":          "door 3",
	} {
		if got := strings.Join(l.terms(question), " "); got != want {
			t.Errorf("terms of %q are %q, want %q", question, got, want)
		}
	}
	for w, want := range map[string]bool{"21": true, "21st": true, "3rd": true, "2026": true, "1492": false, "402": false, "st": false, "door": false} {
		if got := dated(w); got != want {
			t.Errorf("dated(%q) = %t", w, got)
		}
	}
}

func TestFind(t *testing.T) {
	g := New([]Page{{Name: "doors", Text: page}})
	for question, want := range map[string]string{
		"how does the north door open": "Locks",
		"nroth doorr":                  "Locks", // slips
		"what about gates":             "Gates",
		"the southern gate":            "Gates",
	} {
		hits := g.Find(question, 1)
		if len(hits) != 1 || hits[0].Title != want {
			t.Errorf("%q finds %+v", question, hits)
		}
	}
	if hits := g.Find("zebra", 3); len(hits) != 0 {
		t.Errorf("zebra finds %+v", hits)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"door", "door", 0}, {"door", "doro", 1}, {"door", "dor", 1}, {"door", "dooor", 1}, {"door", "dxxr", 2}, {"door", "moor", 3}, {"door", "dormitory", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
