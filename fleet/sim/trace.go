package sim

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Turn is one request of a trace.
type Turn struct {
	At      float64 `json:"at"`      // seconds since the beginning; not before the turn above it
	Session string  `json:"session"` // turns of one session begin with what was said before
	App     string  `json:"app"`     // prompts of one app share their head
	Shared  int     `json:"shared"`  // tokens of that head
	Prompt  int     `json:"prompt"`  // tokens, the head and all earlier turns included
	Output  int     `json:"output"`  // tokens
}

// TraceColumns are the columns of a trace as CSV, and the names of its JSON.
func TraceColumns() []string {
	return []string{"at", "session", "app", "shared", "prompt", "output"}
}

// ReadTrace reads a trace: JSON lines, or CSV whose first line names the columns,
// in any order and those that are not needed left out: at, prompt and output are.
// Errors name the line.
func ReadTrace(r io.Reader) ([]Turn, error) {
	in := bufio.NewReader(r)
	var turns []Turn
	var err error
	if begin, _ := in.Peek(1); len(begin) > 0 && begin[0] != '{' && begin[0] != '\n' {
		turns, err = readCSV(in)
	} else {
		turns, err = readLines(in)
	}
	if err == nil && len(turns) == 0 {
		err = errors.New("the trace is empty")
	}
	return turns, err
}

// readLines reads JSON lines.
func readLines(r io.Reader) (turns []Turn, err error) {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var t Turn
		if err := json.Unmarshal(lines.Bytes(), &t); err != nil {
			return nil, fmt.Errorf("line %d of the trace: %w", n, err)
		}
		if turns, err = t.follow(turns, n); err != nil {
			return nil, err
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the trace: %w", err)
	}
	return turns, nil
}

// readCSV reads a table.
func readCSV(r io.Reader) (turns []Turn, err error) {
	table := csv.NewReader(r)
	columns, err := table.Read()
	if err != nil {
		return nil, fmt.Errorf("reading the trace: %w", err)
	}
	for _, c := range columns {
		if !slices.Contains(TraceColumns(), c) {
			return nil, fmt.Errorf("the trace has a column %q; there are %s", c, strings.Join(TraceColumns(), ", "))
		}
	}
	for _, c := range []string{"at", "prompt", "output"} {
		if !slices.Contains(columns, c) {
			return nil, fmt.Errorf("the trace lacks the column %s", c)
		}
	}
	for {
		cells, err := table.Read()
		if errors.Is(err, io.EOF) {
			return turns, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the trace: %w", err)
		}
		n, _ := table.FieldPos(0)
		var t Turn
		for i, cell := range cells {
			if err := t.set(columns[i], cell); err != nil {
				return nil, fmt.Errorf("line %d of the trace: %s: %q is no number", n, columns[i], cell)
			}
		}
		if turns, err = t.follow(turns, n); err != nil {
			return nil, err
		}
	}
}

// set takes over a cell.
func (t *Turn) set(column, cell string) (err error) {
	switch column {
	case "at":
		t.At, err = strconv.ParseFloat(cell, 64)
	case "session":
		t.Session = cell
	case "app":
		t.App = cell
	case "shared":
		t.Shared, err = strconv.Atoi(cmp.Or(cell, "0"))
	case "prompt":
		t.Prompt, err = strconv.Atoi(cell)
	case "output":
		t.Output, err = strconv.Atoi(cell)
	}
	return err
}

// follow checks a turn and puts it behind those before. One without a session is
// one of its own.
func (t *Turn) follow(turns []Turn, line int) ([]Turn, error) {
	switch {
	case t.Prompt < 1 || t.Prompt > longestPrompt || t.Output < 1 || t.Output > longestPrompt:
		return nil, fmt.Errorf("line %d of the trace: prompt and output must be 1 to %d tokens, not %d and %d", line, longestPrompt, t.Prompt, t.Output)
	case t.Shared < 0 || t.Shared > t.Prompt:
		return nil, fmt.Errorf("line %d of the trace: %d of %d tokens are shared", line, t.Shared, t.Prompt)
	case !(t.At >= 0) || (len(turns) > 0 && t.At < turns[len(turns)-1].At): // not a number is neither
		return nil, fmt.Errorf("line %d of the trace: it comes before the line above it", line)
	}
	if t.Session == "" {
		t.Session = fmt.Sprintf("line %d", line)
	}
	return append(turns, *t), nil
}

// replay asks what the trace says, when it says so.
func (f *fleet) replay(turns []Turn) {
	ids := map[string]uint64{}
	id := func(name string) uint64 {
		if _, ok := ids[name]; !ok {
			ids[name] = uint64(len(ids))
		}
		return ids[name]
	}
	for _, t := range turns {
		s := &session{id: id("session " + t.Session), app: id("app " + t.App)}
		r := request{session: s, prompt: t.Prompt, output: t.Output, shared: t.Shared}
		f.plan(time.Duration(t.At*float64(time.Second)), func(now time.Duration) { f.send(r, now) })
	}
}
