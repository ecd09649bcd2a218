package guide

import (
	"fmt"
	"slices"
	"strings"
)

// Page is a page of the documentation.
type Page struct {
	Name string // file name without its ending
	Text string // Markdown
}

// Guide knows the documentation. It is immutable and safe for concurrent use.
type Guide struct{ index *index }

// New returns a guide to the given pages.
func New(pages []Page) *Guide { return newGuide(pages, askedFor) }

// newGuide is New with the ways to ask for the answer below a heading.
func newGuide(pages []Page, asked func(heading string) []string) *Guide {
	var all []Passage
	for _, p := range pages {
		all = append(all, Passages(p.Name, p.Text)...)
	}
	return &Guide{newIndex(all, asked)}
}

// Find returns the n passages that a question is most likely about, the best
// first.
func (g *Guide) Find(question string, n int) []Hit { return g.index.find(question, n) }

// What is shown to the model, and when.
const (
	most      = 2   // passages
	mostBytes = 900 // of them together
	near      = 0.9 // of the best one's score: worth showing beside it

	// A question is about a passage that has so much of its words, or together with
	// how like it is to a question that the passage is known to answer. Measured on
	// questions of both kinds: of those about Sluice 1 in 20 is below, of others 19 in 20.
	covers = 0.7
	about  = 0.88
	sure   = 0.35 // or is so likely to want it

	strange = 0.5 // so likely a question is about something else
)

// overview finds what Sluice is.
const overview = "what kind of software is sluice"

// Task is a question and what the docs have about it.
type Task struct {
	// Question is what was asked.
	Question string
	// Found are the passages to show, none when the docs have nothing about it.
	Found []Hit

	talk  bool // the question is about the model itself, or none
	words *lexicon
}

// Prepare looks up what the docs have about a question.
func (g *Guide) Prepare(question string) Task {
	t := Task{Question: question, words: g.index.lexicon}
	if t.talk = g.index.personal(question); !t.talk && g.index.beyond(question) < strange {
		t.Found = shown(g.Find(question, most))
	}
	if len(t.Found) == 0 && slices.Contains(split(question), "sluice") {
		t.Found = g.Find(overview, 1) // it is about Sluice, and nothing else is known of it
	}
	return t
}

// shown are those of the best hits that are worth showing.
func shown(hits []Hit) []Hit {
	bytes := 0
	for i, h := range hits {
		bytes += len(h.Full())
		if h.Cover < covers && h.Cover+h.Asked < about && h.Wanted < sure || i > 0 && (h.Score < near*hits[0].Score || bytes > mostBytes) {
			return hits[:i]
		}
	}
	return hits
}

// certain reports whether a hit answers the question without doubt: it is an answer
// to a question, and has nearly all of its words or is all but surely what is wanted.
func (h Hit) certain() bool { return h.Page == answersPage && (h.Cover >= 0.8 || h.Wanted >= 0.8) }

// asking are beginnings that speak to the model without being about it.
func asking() []string {
	return []string{
		"can you", "could you", "would you", "will you", "do you know", "thank you", "how do you", "what do you do to", "if you", "you can", "i want you to", "would you please",
		"do you have an idea", "can you please", "you know", "do you think",
	}
}

// personal reports whether a question is about the model itself, or no question:
// then there is nothing to look up.
func (l *lexicon) personal(question string) bool {
	n := len(l.terms(question))
	if n == 0 {
		return true
	}
	q := " " + strings.Join(split(question), " ") + " "
	for _, a := range asking() {
		q = strings.ReplaceAll(q, " "+a+" ", " ")
	}
	words := strings.Fields(q)
	at := slices.IndexFunc(words, func(w string) bool { return w == "you" || w == "your" || w == "yourself" })
	// Where it speaks of much else, it must begin with the model: "are you", "what are your".
	return at >= 0 && (n <= 2 || n <= 4 && at <= 2)
}

// System is what stands before the question: the passages, numbered, or nothing.
func (t Task) System() string {
	lines := make([]string, len(t.Found))
	for i, h := range t.Found {
		lines[i] = fmt.Sprintf("[%d] %s: %s", i+1, strings.TrimRight(h.Title, "?"), h.Full())
	}
	return strings.Join(lines, "\n")
}
