package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// question is a chat with the model in the box.
const question = `{"model":"%s","max_tokens":24,"messages":[{"role":"user","content":"What is Sluice?"}]}`

func TestFirstRun(t *testing.T) {
	s := start(t, t.TempDir())
	t.Logf("ready after %v", s.took)
	if s.took > 5*time.Second {
		t.Errorf("ready after %v, want at most 5s", s.took)
	}
	if s.ready.URL == "" || s.ready.SetupURL == "" || s.ready.Model == "" || !strings.HasPrefix(s.ready.TrialKey, "sk-") {
		t.Fatalf("the ready line is %+v, want url, setup_url, trial_key and model", s.ready)
	}
	before := one[balance](t, s, "balance")

	r := s.post(t, "/v1/chat/completions", s.ready.TrialKey, fmt.Sprintf(question, s.ready.Model))
	if r.status != http.StatusOK {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	var said struct {
		Choices []struct {
			Message struct{ Content string } `json:"message"`
		} `json:"choices"`
		Usage struct {
			Prompt     int64 `json:"prompt_tokens"`
			Completion int64 `json:"completion_tokens"`
			Details    struct {
				Cached int64 `json:"cached_tokens"`
			} `json:"prompt_tokens_details"`
		} `json:"usage"`
	}
	if err := json.Unmarshal(r.body, &said); err != nil || len(said.Choices) != 1 || strings.TrimSpace(said.Choices[0].Message.Content) == "" {
		t.Fatalf("the answer is %s, want one choice with text (%v)", r.body, err)
	}

	calls := list[usage](t, s, "usage")
	if len(calls) != 1 {
		t.Fatalf("usage shows %d calls, want 1", len(calls))
	}
	call := calls[0]
	want := tokens{Input: said.Usage.Prompt - said.Usage.Details.Cached, Cached: said.Usage.Details.Cached, Output: said.Usage.Completion}
	if call.ID != r.header.Get("X-Request-Id") || call.Tokens != want || call.Status != "completed" || call.Simulated || call.Estimated {
		t.Errorf("usage shows %+v, want call %s completed with %+v", call, r.header.Get("X-Request-Id"), want)
	}
	demo := tariff{input: 100_000, cached: 10_000, output: 400_000} // USD 0.10, 0.01 and 0.40 a million
	if call.Charge != demo.charge(want) || call.Charge == 0 {
		t.Errorf("the charge is %d pico, want %d", call.Charge, demo.charge(want))
	}
	s.checkBooked(t, call)
	after := one[balance](t, s, "balance")
	if after.Available != before.Available-call.Charge || after.Held != 0 {
		t.Errorf("the balance is %+v, want %d available and nothing held", after, before.Available-call.Charge)
	}
	s.verify(t)

	s.stop(t)
	s.verify(t) // on the stopped server's folder
	trial := s.ready.TrialKey
	s.restart(t)
	if s.ready.TrialKey != trial {
		t.Error("a restart changed the trial key")
	}
	if again := list[usage](t, s, "usage"); !reflect.DeepEqual(again, calls) {
		t.Errorf("usage after a restart is %+v, want %+v", again, calls)
	}
	if again := one[balance](t, s, "balance"); again != after {
		t.Errorf("the balance after a restart is %+v, want %+v", again, after)
	}
}

// checkBooked proves that the entries of a call sum to zero and take its
// charge from the customer.
func (s *server) checkBooked(t *testing.T, call usage) {
	t.Helper()
	d := one[detail](t, s, "usage", call.ID)
	var sum, paid pico
	for _, e := range d.Transaction.Entries {
		sum += e.Amount
		if e.Amount < 0 {
			paid -= e.Amount
		}
	}
	if d.usage != call || len(d.Transaction.Entries) < 2 || sum != 0 || paid != call.Charge {
		t.Errorf("the call's detail is %+v, want entries that sum to 0 and move %d pico", d, call.Charge)
	}
}

// TestPrintedCommands runs what the server tells a newcomer to do, as it stands there.
func TestPrintedCommands(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		skipOrFail(t, "the printed curl: %v", err)
	}
	s := &server{data: filepath.Join(t.TempDir(), "it's data")} // an odd name, but a name
	cmd := exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--data", s.data)
	cmd.Env = s.environment()
	cmd.Stderr = &s.log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	var printed []string // the commands: indented lines, with their continuations
	for lines := bufio.NewScanner(stdout); lines.Scan() && !strings.HasPrefix(lines.Text(), "Stop"); {
		line, indented := strings.CutPrefix(lines.Text(), "  ")
		switch n := len(printed); {
		case !indented || strings.HasPrefix(line, "http"):
		case n > 0 && strings.HasSuffix(printed[n-1], `\`):
			printed[n-1] += "\n" + line
		default:
			printed = append(printed, line)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	if len(printed) != 3 {
		t.Fatalf("the server prints the commands %q, want curl, usage and balance\n%s", printed, s.log.String())
	}
	for i, want := range []string{`"chat.completion"`, `completed`, `available`} {
		bash := exec.Command("bash", "-c", printed[i])
		bash.Env = append(s.environment(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH")) // as if it were installed
		out, err := bash.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s\nprints %s(%v), want %s in it", printed[i], out, err, want)
		}
	}
}

// TestSetupLink makes the first administrator, once.
func TestSetupLink(t *testing.T) {
	s := start(t, t.TempDir())
	client := web(t, 1)
	r, err := send(client, http.MethodGet, s.ready.SetupURL, "", nil)
	if err != nil || r.status != http.StatusOK {
		t.Fatalf("GET of the setup link: status %d, %v", r.status, err)
	}
	link, err := url.Parse(s.ready.SetupURL)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client.Jar, client.CheckRedirect = jar, func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	form := url.Values{"token": {link.Query().Get("token")}, "email": {"ada@example.com"}, "password": {"correct horse battery"}}
	submit := func() reply {
		t.Helper()
		res, err := client.PostForm(s.ready.URL+"/setup", form)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		page, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return reply{res.StatusCode, res.Header, page}
	}
	first := submit()
	if first.status != http.StatusSeeOther {
		t.Fatalf("setting up: status %d, want 303 to a signed-in page:\n%s", first.status, first.body)
	}
	if second := submit(); second.status != http.StatusForbidden {
		t.Errorf("the link a second time: status %d, want 403", second.status)
	}
	// Who is signed in makes a key, and that administers over the network.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.ready.URL+"/api/v1/keys", strings.NewReader(`{"role":"owner"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Sluice-Csrf", "1")
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	made, err := io.ReadAll(res.Body)
	res.Body.Close()
	secret := regexp.MustCompile(`sk-[A-Za-z0-9_-]{20,}`).FindString(string(made))
	if err != nil || res.StatusCode != http.StatusCreated || secret == "" {
		t.Fatalf("making a key: %s %s, %v", res.Status, made, err)
	}
	remote := &server{data: t.TempDir(), env: []string{"SLUICE_SERVER=" + s.ready.URL, "SLUICE_KEY=" + secret}}
	if org := one[organisation](t, remote, "org", "create", "acme", "--credit", "1.00"); org.ID == "" {
		t.Error("the administrator's key makes no organisation")
	}
	s.stop(t)
	s.restart(t)
	if s.ready.SetupURL != "" {
		t.Errorf("there is an administrator, and the setup link is offered again: %s", s.ready.SetupURL)
	}
}

// TestDrain stops a server in the middle of a stream.
func TestDrain(t *testing.T) {
	s := start(t, t.TempDir())
	eng := newEngine(t)
	s.sell(t, "m", eng.URL, tariff{input: 600_000, cached: 110_000, output: 2_200_000})
	org, key := s.customer(t, "acme", "10.00")
	o := order{prompt: 20, output: 100, pace: 5 * time.Millisecond}
	req, err := http.NewRequest(http.MethodPost, s.ready.URL+"/v1/chat/completions", strings.NewReader(chatBody("m", o, true, false)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key.Secret)
	res, err := web(t, 1).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Scan() // the first token is here
	s.terminate(t)
	var last string
	events := 1
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data: ") {
			last = lines.Text()
			events++
		}
	}
	if err := lines.Err(); err != nil || last != "data: [DONE]" || events != 102 {
		t.Errorf("the stream ended after %d events with %q (%v), want 102 events and [DONE]", events, last, err)
	}
	s.awaitExit(t)
	s.verify(t)
	s.restart(t)
	calls := s.usage(t, org)
	if len(calls) != 1 || calls[0].Tokens != o.tokens() || calls[0].Status != "completed" {
		t.Errorf("usage after the stop is %+v, want the whole stream", calls)
	}
}

// TestSecondServer starts a server on a folder that has one.
func TestSecondServer(t *testing.T) {
	s := start(t, t.TempDir())
	second := &server{data: s.data}
	line, err := second.launch()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.kill)
	if err := second.await(line); err == nil {
		t.Fatal("two servers run on one folder")
	}
	if said := second.log.String(); !strings.Contains(said, "in use") || !strings.Contains(said, fmt.Sprint(s.cmd.Process.Pid)) {
		t.Errorf("the second server says %s, want that the folder is in use, and by which process", said)
	}
	one[balance](t, s, "balance") // the first one is as well as before
}
