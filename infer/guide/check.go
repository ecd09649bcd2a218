package guide

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Beyond is what is said of a question that is beyond the model.
const Beyond = "That is beyond me: I am a tiny model that knows Sluice's docs and little else. For serious work, attach an engine with `sluice engine add`."

// Verdict is what became of an answer.
type Verdict string

// The verdicts.
const (
	Kept     Verdict = "kept"     // the answer is the model's
	Replaced Verdict = "replaced" // its facts are not in the passage: the passage stands in
	Refused  Verdict = "refused"  // the question is beyond the model
)

// strangest is the mean loss of a question's tokens, in nats, above which it is
// beyond the model when the docs have nothing about it. Measured on questions
// of both kinds; infer/box tests it.
const strangest = 3.6

var cited = regexp.MustCompile(`\s*\[(\d+)\]\.?\s*$`)

// Check holds an answer against the passages that were shown, and returns what to
// say. loss is the mean loss of the question's tokens under the model, in nats.
//
// An answer is kept when every fact in it (figures, code words, names) stands in
// one passage, the one that it cites if that is so, and most of its other words
// do too. What it cites is named below it.
func (t Task) Check(answer string, loss float64) (string, Verdict) {
	answer = strings.TrimSpace(answer)
	said := Beyond[:len("That is beyond me")]
	if len(t.Found) == 0 {
		switch {
		case strings.HasPrefix(answer, said):
			return Beyond, Refused
		case loss > strangest && !t.talk:
			return Beyond, Refused
		}
		return cited.ReplaceAllString(answer, ""), Kept
	}
	if strings.HasPrefix(answer, said) {
		if !t.Found[0].certain() {
			return Beyond, Refused
		}
		answer = "" // the docs know better
	}
	at := 0
	if m := cited.FindStringSubmatch(answer); m != nil {
		answer = cited.ReplaceAllString(answer, "")
		if n, err := strconv.Atoi(m[1]); err == nil && n >= 1 && n <= len(t.Found) {
			at = n - 1
		}
	}
	order := []int{at}
	for i := range t.Found {
		if i != at {
			order = append(order, i)
		}
	}
	for _, i := range order {
		if answer != "" && t.supported(answer, t.Found[i].Passage) {
			return t.cite(answer, i), Kept
		}
	}
	return t.cite(t.Found[at].Full(), at), Replaced
}

// cite names the page below an answer.
func (t Task) cite(answer string, at int) string {
	p := t.Found[at]
	return fmt.Sprintf("%s [1]\n\n[1] docs/%s.md#%s", answer, p.Page, p.Anchor)
}

// supported reports whether a passage says what an answer does: all of its facts
// and four fifths of its other words stand in it.
func (t Task) supported(answer string, p Passage) bool {
	have := facts(p.Title + " " + p.Full())
	known := t.words.stems(p.Title + " " + p.Full())
	for _, f := range facts(answer) {
		if !slices.Contains(have, f) {
			return false
		}
	}
	// What is to be typed is quoted letter by letter.
	for i, code := range strings.Split(answer, "`") {
		if i%2 == 1 && !strings.Contains(p.Full(), "`"+code+"`") {
			return false
		}
	}
	words := t.words.stems(answer)
	there := 0
	for _, w := range words {
		if slices.Contains(known, w) {
			there++
		}
	}
	return 5*there >= 4*len(words)
}

// facts are the parts of a text that must not be changed: what has a figure, a
// sign of code or a capital letter in it, in lower case.
func facts(text string) []string {
	var out []string
	for i, w := range strings.Fields(text) {
		w = strings.Trim(w, ".,;:!?()`'\"…")
		hard := strings.ContainsAny(w, "0123456789_/=<>{}$@#*") || strings.HasPrefix(w, "-")
		capital := w != strings.ToLower(w) && i > 0
		if hard || capital {
			out = append(out, strings.ToLower(w))
		}
	}
	return out
}
