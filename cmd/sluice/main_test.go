package main

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sluice/cmd/sluice/config"
)

// TestMain makes this test binary the command sluice as well, which scripts
// run as a process of its own.
func TestMain(m *testing.M) {
	os.Setenv("GORACE", "atexit_sleep_ms=0") // with the race detector, each process would end a second later
	testscript.Main(m, map[string]func(){
		"sluice":     main,
		"tamper":     tamper,
		"mockengine": mockEngine,
		"my-engine":  program,
	})
}

// TestScripts runs testdata/*.txtar: one file for each behaviour of the
// command line. Besides testscript's own commands there are:
//
//	serve [FLAGS]                       start a server; sets URL, KEY, MODEL and SETUP, and shows the line it printed
//	stop [CODE]                         SIGTERM, and wait for the exit code (0); shows the log
//	ask STATUS METHOD URL [KEY [FILE]]  an HTTP request; shows head and body of the answer
//	field NAME PATH                     set NAME to what is at the dotted path in the first line of stdout, which is JSON
//	members NAME,…                      each line of stdout is a JSON object with just these members
//	lines N                             stdout has so many lines
//	box FILE                            write the model in the box to a file
//	hub NAME FILE...                    start a hub with a repository of files; sets HF_ENDPOINT
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SLUICE_DATA", filepath.Join(env.WorkDir, "data"))
			examples, err := filepath.Abs("../../examples")
			if err != nil {
				return err
			}
			env.Setenv("EXAMPLES", examples)
			env.Values[childKey{}] = new(child)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": scriptServe, "stop": scriptStop, "ask": scriptAsk, "field": scriptField, "members": scriptMembers, "lines": scriptLines,
			"box": scriptBox, "hub": scriptHub,
		},
	})
}

// childKey finds a script's child.
type childKey struct{}

// child is a server that runs as a process of its own.
type child struct {
	cmd   *exec.Cmd
	ready map[string]string
	line  string // as printed
	log   bytes.Buffer
}

// start runs `sluice serve --json` and waits until it is ready.
func (p *child) start(env []string, dir string, flags ...string) error {
	p.log.Reset()
	p.cmd = exec.Command("sluice", append([]string{"serve", "--json", "--listen", "127.0.0.1:0"}, flags...)...)
	p.cmd.Env, p.cmd.Dir, p.cmd.Stderr = env, dir, &p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.line, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return errors.Join(err, p.cmd.Wait(), errors.New(p.log.String()))
	}
	p.ready = map[string]string{}
	return json.Unmarshal([]byte(p.line), &p.ready)
}

// end asks the server to stop and returns its exit code.
func (p *child) end() int {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	return p.wait()
}

// wait waits for the server's end, not for ever, and returns its exit code.
func (p *child) wait() int {
	late := time.AfterFunc(20*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	_ = p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode()
}

func scriptServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("a server that does not start: use `! exec sluice serve`")
	}
	env := []string{"PATH=" + ts.Getenv("PATH"), "TMPDIR=" + ts.Getenv("TMPDIR"), "GORACE=" + ts.Getenv("GORACE")}
	defaults := config.Default()
	for _, s := range defaults.Settings() {
		if v := ts.Getenv(s.Env); v != "" {
			env = append(env, s.Env+"="+v)
		}
	}
	p := ts.Value(childKey{}).(*child)
	ts.Check(p.start(env, ts.MkAbs("."), args...))
	ts.Defer(func() {
		if p.cmd.ProcessState == nil {
			p.end()
		}
		if ts.Name() != "" {
			ts.Logf("server log:\n%s", p.log.String())
		}
	})
	for name, member := range map[string]string{"URL": "url", "KEY": "trial_key", "MODEL": "model", "SETUP": "setup_url"} {
		ts.Setenv(name, p.ready[member])
	}
	_, _ = io.WriteString(ts.Stdout(), p.line)
}

func scriptStop(ts *testscript.TestScript, _ bool, args []string) {
	want := 0
	if len(args) > 0 {
		var err error
		want, err = strconv.Atoi(args[0])
		ts.Check(err)
	}
	p := ts.Value(childKey{}).(*child)
	if got := p.end(); got != want {
		ts.Fatalf("the server ended with %d, not %d:\n%s", got, want, p.log.String())
	}
	_, _ = ts.Stdout().Write(p.log.Bytes())
}

func scriptAsk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 5 {
		ts.Fatalf("usage: ask STATUS METHOD URL [KEY [FILE]]")
	}
	var body io.Reader
	if len(args) == 5 {
		body = strings.NewReader(ts.ReadFile(args[4]))
	}
	req, err := http.NewRequest(args[1], args[2], body)
	ts.Check(err)
	if len(args) > 3 && args[3] != "" {
		req.Header.Set("Authorization", "Bearer "+args[3])
	}
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	ts.Check(err)
	_, _ = ts.Stdout().Write(answer)
	_ = resp.Header.Write(ts.Stderr())
	if strconv.Itoa(resp.StatusCode) != args[0] {
		ts.Fatalf("%s %s: %s, not %s\n%s", args[1], args[2], resp.Status, args[0], answer)
	}
}

func scriptField(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: field NAME PATH")
	}
	line, _, _ := strings.Cut(ts.ReadFile("stdout"), "\n")
	var v any
	ts.Check(json.Unmarshal([]byte(line), &v))
	for name := range strings.SplitSeq(args[1], ".") {
		if list, ok := v.([]any); ok {
			i, err := strconv.Atoi(name)
			ts.Check(err)
			v = list[i]
			continue
		}
		object, _ := v.(map[string]any)
		if object[name] == nil {
			ts.Fatalf("no %s in %s", args[1], line)
		}
		v = object[name]
	}
	ts.Setenv(args[0], fmt.Sprint(v))
}

func scriptMembers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: members NAME,…")
	}
	want := slices.Sorted(strings.SplitSeq(args[0], ","))
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		var object map[string]json.RawMessage
		ts.Check(json.Unmarshal([]byte(line), &object))
		if got := slices.Sorted(maps.Keys(object)); !slices.Equal(got, want) {
			ts.Fatalf("members are %s,\nnot %s", strings.Join(got, ","), strings.Join(want, ","))
		}
	}
}

func scriptLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: lines N")
	}
	if n := strings.Count(ts.ReadFile("stdout"), "\n"); strconv.Itoa(n) != args[0] {
		ts.Fatalf("%d lines, not %s", n, args[0])
	}
}

// tamper changes a database behind Sluice's back: tamper FILE SQL…. It takes
// the guards against that away first.
func tamper() {
	if err := tamperWith(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "tamper:", err)
		os.Exit(1)
	}
}

func tamperWith(path string, statements []string) error {
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.Query(`SELECT name FROM sqlite_master WHERE type = 'trigger'`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var drops []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		drops = append(drops, "DROP TRIGGER "+name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, s := range append(drops, statements...) {
		if _, err := db.Exec(s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// mockEngine is an engine that answers only callers with the bearer token
// "open sesame": mockengine FILE writes its URL to FILE and serves.
func mockEngine() {
	if err := serveMock(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "mockengine:", err)
		os.Exit(1)
	}
}
