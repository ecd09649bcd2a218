package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/cmd/sluice/config"
	"sluice/wire/anthropic"
	"sluice/wire/openai"
)

// What the documents say is what the program does: tables are made from it,
// commands and files are tried. `go test ./cmd/sluice -run TestDocs -update`
// writes the tables anew.

var update = flag.Bool("update", false, "write the tables in docs/ anew")

const docs = "../../docs/"

// table compares what stands between <!-- NAME --> and <!-- /NAME --> in a
// document with the lines that should.
func table(t *testing.T, file, name string, lines []string) {
	t.Helper()
	raw, err := os.ReadFile(docs + file)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	before, rest, ok := strings.Cut(string(raw), begin)
	is, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for %s", file, name)
	}
	want := strings.Join(lines, "\n") + "\n"
	if is == want {
		return
	}
	if !*update {
		t.Fatalf("%s: the table %s is not what it should be; run this test with -update. It should say:\n%s", file, name, want)
	}
	if err := os.WriteFile(docs+file, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestDocsConfiguration lists every setting.
func TestDocsConfiguration(t *testing.T) {
	c := config.Default()
	lines := []string{"| setting | default | meaning |", "|---|---|---|"}
	for _, s := range c.Settings() {
		value := ""
		if s.String() != "" {
			value = "`" + s.String() + "`"
		}
		lines = append(lines, fmt.Sprintf("| `%s` | %s | %s |", s.Name, value, s.Help))
	}
	table(t, "configuration.md", "settings", lines)
}

// TestDocsEvents lists what webhooks can hear of.
func TestDocsEvents(t *testing.T) {
	lines := []string{"| type |", "|---|"}
	for _, event := range sluice.EventTypes() {
		lines = append(lines, "| `"+event+"` |")
	}
	table(t, "webhooks.md", "events", lines)
}

// TestDocsErrors lists every error code as the API answers it.
func TestDocsErrors(t *testing.T) {
	source, err := os.ReadFile("../../error.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{"| code | status | type | x-should-retry | meaning |", "|---|---|---|---|---|"}
	for _, code := range regexp.MustCompile(`(?m)^\tCode\w+ +Code = "(\w+)" +// (.*)$`).FindAllStringSubmatch(string(source), -1) {
		w := httptest.NewRecorder()
		openai.WriteError(w, &sluice.Error{Code: sluice.Code(code[1])})
		kind := regexp.MustCompile(`"type":"(\w+)"`).FindStringSubmatch(w.Body.String())
		lines = append(lines, fmt.Sprintf("| `%s` | %d | `%s` | %s | %s |", code[1], w.Code, kind[1], w.Header().Get("X-Should-Retry"), code[2]))
	}
	if len(lines) < 15 {
		t.Fatalf("only %d codes were found", len(lines)-2)
	}
	table(t, "api.md", "errors", lines)
}

// TestDocsMessagesErrors lists what Anthropic's clients see of each code.
func TestDocsMessagesErrors(t *testing.T) {
	source, err := os.ReadFile("../../error.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{"| code | status | type |", "|---|---|---|"}
	for _, code := range regexp.MustCompile(`(?m)^\tCode\w+ +Code = "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		w := httptest.NewRecorder()
		anthropic.WriteError(w, &sluice.Error{Code: sluice.Code(code[1])}, "")
		kind := regexp.MustCompile(`"error":\{"type":"(\w+)"`).FindStringSubmatch(w.Body.String())
		lines = append(lines, fmt.Sprintf("| `%s` | %d | `%s` |", code[1], w.Code, kind[1]))
	}
	table(t, "api.md", "messages errors", lines)
}

// TestDocsMetrics lists every metric that a server has after a call, and those of
// engines and of what waits for them that it may have.
func TestDocsMetrics(t *testing.T) {
	p, _ := launch(t)
	_, _ = io.ReadAll(stream(t, p))
	resp, err := http.Get(p.ready["url"] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	var lines []string
	own := map[string]bool{}
	for _, l := range fleetMetrics() {
		own[l.Name] = true
		kind := map[bool]string{false: "gauge", true: "counter"}[l.Counter]
		lines = append(lines, fmt.Sprintf("| `%s` | %s | `%s` | %s |", l.Name, kind, strings.Join(l.Labels, "`, `"), l.Help))
	}
	for _, m := range regexp.MustCompile(`(?m)^# HELP (sluice_\S+) (.*)\n# TYPE \S+ (\S+)$`).FindAllStringSubmatch(text, -1) {
		if own[m[1]] {
			continue
		}
		var labels []string
		for _, l := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(firstLine(text, m[1]), -1) {
			if l[1] != "le" && !slices.Contains(labels, "`"+l[1]+"`") {
				labels = append(labels, "`"+l[1]+"`")
			}
		}
		lines = append(lines, fmt.Sprintf("| `%s` | %s | %s | %s |", m[1], m[3], strings.Join(labels, ", "), m[2]))
	}
	slices.Sort(lines)
	lines = append([]string{"| metric | kind | labels | meaning |", "|---|---|---|---|"}, lines...)
	table(t, "operating.md", "metrics", lines)
}

// firstLine returns the first line of a metric's values.
func firstLine(text, metric string) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, metric) {
			return line
		}
	}
	return ""
}

// block is a fenced block of a document.
type block struct {
	file, language, text string
	run                  bool // marked <!-- run -->
}

func blocks(t *testing.T) []block {
	t.Helper()
	files, err := filepath.Glob(docs + "*.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	for _, file := range append(files, "../../README.md") {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?ms)(<!-- run -->\n)?^```(\\w+)\n(.*?)^```$").FindAllStringSubmatch(string(raw), -1) {
			all = append(all, block{filepath.Base(file), m[2], m[3], m[1] != ""})
		}
	}
	if len(all) < 15 {
		t.Fatalf("only %d blocks were found", len(all))
	}
	return all
}

// TestDocsCommands reads each `sluice …` line in the documents as the command
// line would, without running it.
func TestDocsCommands(t *testing.T) {
	n := 0
	for _, b := range blocks(t) {
		if b.language != "sh" {
			continue
		}
		for line := range strings.SplitSeq(strings.ReplaceAll(b.text, "\\\n", " "), "\n") {
			words := commandIn(line)
			if words == nil || strings.Contains(line, "$(") {
				continue
			}
			n++
			if err := understand(words); err != nil {
				t.Errorf("%s: %s: %v", b.file, line, err)
			}
		}
	}
	if n < 15 {
		t.Errorf("only %d commands were found", n)
	}
}

// commandIn returns the words after `sluice` in a line of a shell script, up
// to what is the shell's; nil where there are none.
func commandIn(line string) []string {
	m := regexp.MustCompile(`(?:^|[ /])sluice ([^|<>#&]+)`).FindStringSubmatch(line)
	if m == nil {
		return nil
	}
	words := strings.TrimPrefix(m[1], "sluice ") // after `sudo -u sluice`
	return strings.Fields(strings.NewReplacer("'", "", `"`, "").Replace(words))
}

// understand reports what is wrong with the words of a command line.
func understand(words []string) error {
	c := &cli{out: io.Discard, err: io.Discard}
	cmd, rest, err := c.root().Find(words)
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if cmd.HasSubCommands() && (!cmd.HasParent() || !cmd.HasLocalFlags()) { // one that does nothing by itself
		return fmt.Errorf("it is no whole command")
	}
	args := cmd.Flags().Args()
	if len(args) > 1 {
		return nil // words that stood in quotes
	}
	return cmd.ValidateArgs(args)
}

// TestDocsYAML reads each YAML file in the documents and examples.
func TestDocsYAML(t *testing.T) {
	all := blocks(t)
	examples, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, path := range examples {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, block{file: path, language: "yaml", text: "# models.yaml\n" + string(raw)})
	}
	n := 0
	for _, b := range all {
		if b.language != "yaml" {
			continue
		}
		n++
		var err error
		switch name, _, _ := strings.Cut(b.text, "\n"); name {
		case "# models.yaml":
			_, err = api.ParseManifest([]byte(b.text))
		case "# plan.yaml":
			_, err = api.ParsePlan([]byte(b.text))
		case "# oidc.yaml":
			_, err = parseSources([]byte(b.text))
		case "# power.yaml":
			_, err = api.ParsePowerPrice([]byte(b.text))
		case "# sluice.yaml":
			c := config.Default()
			if err = c.ReadYAML([]byte(b.text)); err == nil {
				err = c.Check()
			}
		default:
			err = fmt.Errorf("the first line %q is no file's name", name)
		}
		if err != nil {
			t.Errorf("%s: %v in\n%s", b.file, err, b.text)
		}
	}
	if n < 5 {
		t.Errorf("only %d files were found", n)
	}
}

// TestPlanExamples reads each plan of the catalogue as `sluice plan publish` does.
func TestPlanExamples(t *testing.T) {
	for _, name := range []string{"lite", "pro", "max"} {
		var out strings.Builder
		c := &cli{out: &out, err: io.Discard}
		if code := c.run(t.Context(), []string{"plan", "example", name}); code != 0 {
			t.Fatalf("%s: exit code %d", name, code)
		}
		p, err := api.ParsePlan([]byte(out.String()))
		if err != nil || p.Plan != name || len(p.Windows) == 0 || len(p.Windows[0].Weights) == 0 || p.Prices["month"].Sign() <= 0 {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// TestDocsRun runs what is marked, each document's on a server of its own.
func TestDocsRun(t *testing.T) {
	scripts := map[string]string{}
	for _, b := range blocks(t) {
		if b.run {
			scripts[b.file] += b.text
		}
	}
	for file, script := range scripts {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			p, data := launch(t)
			cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
			cmd.Env = append(os.Environ(), "URL="+p.ready["url"], "KEY="+p.ready["trial_key"], "SLUICE_DATA="+data)
			out, err := cmd.CombinedOutput()
			if err != nil || strings.Contains(string(out), `"error"`) {
				t.Errorf("%v:\n%s\nsays\n%s", err, script, out)
			}
		})
	}
	if len(scripts) < 4 {
		t.Errorf("only %d documents have something to run", len(scripts))
	}
}

// TestHelp shows that every command says what it does, and that what a
// command's example shows is a command.
func TestHelp(t *testing.T) {
	c := &cli{out: io.Discard, err: io.Discard}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Short == "" {
			t.Errorf("%s does not say what it does", cmd.CommandPath())
		}
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			words := commandIn(line)
			if words == nil {
				continue
			}
			if err := understand(words); err != nil {
				t.Errorf("%s: example %q: %v", cmd.CommandPath(), line, err)
			}
		}
		for _, child := range cmd.Commands() {
			walk(child)
		}
	}
	walk(c.root())
}
