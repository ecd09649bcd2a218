package box_test

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"sluice/docs"
	"sluice/infer"
	"sluice/infer/box"
	"sluice/infer/grammar"
	"sluice/infer/guide"
)

// The evaluation of the model in the box, on questions that are not in its corpus:
// those of strangers by hand, the others made by train/evaluate.py. The figures
// are what the file reached when it was trained; `-v` shows them, and `-wrong`
// what went wrong.
var (
	file  = flag.String("model", "", "evaluate this GGUF file in place of the one in the box")
	wrong = flag.Bool("wrong", false, "show the answers that are wrong")
)

// least is how many answers of a hundred must be right: what the file reached, less
// one answer or two that instruction sets may decide otherwise.
var least = map[string]float64{
	"strangers.txt: facts": 95, "strangers.txt: not refused": 98, "fresh.txt: facts": 95, "fresh.txt: not refused": 97,
	"third.txt: facts": 83, "third.txt: not refused": 88, "fourth.txt: facts": 92, "fourth.txt: not refused": 94,
	"fifth.txt: facts": 94, "fifth.txt: not refused": 96,
	"refusals": 92, "small talk": 83, "right values quoted": 95, "quote-1": 96, "quote-2": 94, "quote-3": 90,
	"tool calls that are valid JSON": 99, "tool calls without the grammar": 87, "tool calls": 89, "taught": 92, "tool": 79, "calc": 96,
}

// bench evaluates a model.
type bench struct {
	*testing.T
	model *infer.Model
	guide *guide.Guide
}

func newBench(t *testing.T) *bench {
	data := box.File()
	if *file != "" {
		var err error
		if data, err = os.ReadFile(*file); err != nil {
			t.Fatal(err)
		}
	}
	model, err := infer.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = model.Close() })
	var pages []guide.Page
	for _, p := range docs.Pages() {
		pages = append(pages, guide.Page(p))
	}
	return &bench{t, model, guide.New(pages)}
}

// say has the model answer a conversation, in a form if there is one.
func (b *bench) say(form infer.Form, messages ...infer.Message) string {
	prompt, err := b.model.Chat(messages)
	if err != nil {
		b.Fatal(err)
	}
	var text strings.Builder
	_, err = b.model.Generate(context.Background(), infer.Request{Prompt: prompt, MaxTokens: 220, Form: form}, func(p infer.Piece) error {
		text.WriteString(p.Text)
		return nil
	})
	if err != nil {
		b.Error(err)
	}
	return text.String()
}

// loss is the mean loss of a question's tokens.
func (b *bench) loss(question string) float64 {
	empty, err := b.model.Chat([]infer.Message{{Role: "user"}})
	if err != nil {
		b.Fatal(err)
	}
	// Where the question stands: behind the first special token and "user\n".
	head := empty[:1+len(b.model.Tokenizer().Encode(nil, "user\n"))]
	loss, err := b.model.Loss(context.Background(), "", head, b.model.Tokenizer().Encode(nil, question))
	if err != nil {
		b.Error(err)
	}
	return loss
}

// ask has the guide answer a question, as the server does.
func (b *bench) ask(question string) (string, guide.Verdict) {
	task := b.guide.Prepare(question)
	messages := []infer.Message{{Role: "user", Content: question}}
	if system := task.System(); system != "" {
		messages = append([]infer.Message{{Role: "system", Content: system}}, messages...)
	}
	answer := b.say(nil, messages...)
	loss := b.loss(question)
	out, verdict := task.Check(answer, loss)
	if *wrong {
		first := guide.Hit{}
		if len(task.Found) > 0 {
			first = task.Found[0]
		}
		b.Logf("%q: %s, loss %.2f, cover %.2f, %d passages, first %q\n      model: %s", question, verdict, loss, first.Cover, len(task.Found), first.Title, answer)
	}
	return out, verdict
}

// each runs fn for the numbers below n, many at once: the model computes them
// together.
func each(n int, fn func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range 12 {
		wg.Go(func() {
			for i := range next {
				fn(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// score counts right answers, kind by kind.
type score struct {
	mu          sync.Mutex
	right, all  map[string]int
	kinds       []string
	replacedRun map[guide.Verdict]int
}

func newScore() *score {
	return &score{right: map[string]int{}, all: map[string]int{}, replacedRun: map[guide.Verdict]int{}}
}

func (s *score) add(kind string, right bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[kind] == 0 {
		s.kinds = append(s.kinds, kind)
	}
	s.all[kind]++
	if right {
		s.right[kind]++
	}
}

func (s *score) verdict(v guide.Verdict) {
	s.mu.Lock()
	s.replacedRun[v]++
	s.mu.Unlock()
}

// hold compares with what was reached.
func (s *score) hold(t *testing.T) {
	for _, kind := range s.kinds {
		percent := 100 * float64(s.right[kind]) / float64(s.all[kind])
		t.Logf("%s: %d of %d right, %.1f %%", kind, s.right[kind], s.all[kind], percent)
		if *file == "" && percent < least[kind] {
			t.Errorf("%s: %.1f %% are right, the file had %.1f %%", kind, percent, least[kind])
		}
	}
	if len(s.replacedRun) > 0 {
		t.Logf("answers by verdict: %v", s.replacedRun)
	}
}

// item is a question and what its answer must contain.
type item struct{ question, want string }

func readItems(t *testing.T, name string) []item {
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var items []item
	want := ""
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "= "):
			want = line[2:]
		default:
			items = append(items, item{line, want})
		}
	}
	return items
}

func TestFactsAskedByStrangers(t *testing.T) { facts(t, "strangers.txt") }

func TestFactsAskedAfresh(t *testing.T) { facts(t, "fresh.txt") }

func TestFactsAskedOnceMore(t *testing.T) { facts(t, "third.txt") }

func TestFactsAskedBlind(t *testing.T) { facts(t, "fourth.txt") }

func TestFactsAskedUnseen(t *testing.T) { facts(t, "fifth.txt") }

// facts asks the questions of a file.
func facts(t *testing.T, name string) {
	b, s, items := newBench(t), newScore(), readItems(t, name)
	each(len(items), func(i int) {
		answer, verdict := b.ask(items[i].question)
		right := strings.Contains(answer, items[i].want)
		s.add(name+": facts", right)
		s.add(name+": not refused", verdict != guide.Refused)
		s.verdict(verdict)
		if !right && *wrong {
			t.Logf("WRONG %q\n      want %q, got %q", items[i].question, items[i].want, answer)
		}
	})
	s.hold(t)
}

func TestWhatIsBeyondIsRefused(t *testing.T) {
	b, s, items := newBench(t), newScore(), readItems(t, "beyond.txt")
	each(len(items), func(i int) {
		answer, verdict := b.ask(items[i].question)
		right := verdict == guide.Refused || strings.Contains(answer, "I do not calculate in my head")
		s.add("refusals", right)
		if !right && *wrong {
			t.Logf("ANSWERED %q\n      %q", items[i].question, answer)
		}
	})
	s.hold(t)
}

func TestSmallTalk(t *testing.T) {
	b, s, items := newBench(t), newScore(), readItems(t, "smalltalk.txt")
	each(len(items), func(i int) {
		answer, _ := b.ask(items[i].question)
		right := strings.Contains(answer, items[i].want)
		s.add("small talk", right)
		if !right && *wrong {
			t.Logf("WRONG %q\n      %q", items[i].question, answer)
		}
	})
	s.hold(t)
}

// made is a line of testdata/made.jsonl.
type made struct {
	Kind     string
	Messages [][2]string
	Want     json.RawMessage
}

func TestQuotesAndToolCalls(t *testing.T) {
	data, err := os.ReadFile("testdata/made.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var items []made
	for line := range strings.Lines(string(data)) {
		var m made
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		items = append(items, m)
	}
	b, s := newBench(t), newScore()
	each(len(items), func(i int) {
		var messages []infer.Message
		for _, m := range items[i].Messages {
			messages = append(messages, infer.Message{Role: m[0], Content: m[1]})
		}
		var answer string
		var right bool
		if strings.HasPrefix(items[i].Kind, "quote") {
			answer = b.say(nil, messages...)
			var want string
			if err := json.Unmarshal(items[i].Want, &want); err != nil {
				t.Error(err)
			}
			right = strings.Contains(strings.ToLower(answer), strings.ToLower(want))
			s.add("right values quoted", right)
		} else {
			_, free := sameCall(b.say(nil, messages...), items[i].Want)
			s.add("tool calls without the grammar", free)
			answer = b.say(b.calls(messages[0].Content), messages...)
			var valid bool
			valid, right = sameCall(answer, items[i].Want)
			s.add("tool calls that are valid JSON", valid)
			s.add("tool calls", right)
		}
		s.add(items[i].Kind, right)
		if !right && *wrong {
			t.Logf("WRONG %q\n      want %s\n      got %q", items[i].Messages[len(items[i].Messages)-1][1], items[i].Want, answer)
		}
	})
	s.hold(t)
}

// calls is the form of a call of one of the tools that a system message lists.
func (b *bench) calls(system string) infer.Form {
	_, list, _ := strings.Cut(system, "<tools>\n")
	list, _, _ = strings.Cut(list, "\n</tools>")
	var tools []grammar.Tool
	for line := range strings.Lines(list) {
		var tool struct {
			Function struct {
				Name       string
				Parameters json.RawMessage
			}
		}
		if err := json.Unmarshal([]byte(line), &tool); err != nil {
			b.Fatal(err)
		}
		tools = append(tools, grammar.Tool{Name: tool.Function.Name, Parameters: tool.Function.Parameters})
	}
	format := grammar.Format{Open: "<tool_call>\n{\"name\": \"", Middle: "\", \"arguments\": ", Close: "}\n</tool_call>"}
	g, err := grammar.Calls(tools, grammar.Single, b.model.Vocabulary(), format)
	if err != nil {
		b.Fatal(err)
	}
	return g.Start()
}

// sameCall reports whether an answer is a call in the form of the template, and
// whether it is the wanted one.
func sameCall(answer string, want []byte) (valid, same bool) {
	text, ok := strings.CutPrefix(answer, "<tool_call>\n")
	if !ok {
		return false, false
	}
	if text, ok = strings.CutSuffix(strings.TrimSpace(text), "\n</tool_call>"); !ok {
		return false, false
	}
	var got, wanted any
	if json.Unmarshal([]byte(text), &got) != nil || json.Unmarshal(want, &wanted) != nil {
		return false, false
	}
	return true, reflect.DeepEqual(got, wanted)
}
