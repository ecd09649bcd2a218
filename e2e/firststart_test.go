//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Bounds of a first start: what it computes until it is ready, which is what it
// takes on an idle machine, and the most memory that it ever has.
const (
	firstCPU    = 2 * time.Second
	firstMemory = 150_000_000
)

// TestFirstStart is a newcomer's: ready within the time and the memory that were
// promised, and the first answer comes from a model that is said to be real and
// tiny, and is metered.
func TestFirstStart(t *testing.T) {
	s := start(t, t.TempDir())
	cpu := cpuTime(t, s.cmd.Process.Pid)
	t.Logf("ready after %v, of which it computed %v", s.took, cpu)
	if cpu > firstCPU && !raceEnabled {
		t.Errorf("it computed for %v until it was ready, want at most %v", cpu, firstCPU)
	}
	var models struct {
		Data []struct {
			ID, Description string
			Simulated       bool
		}
	}
	listed, err := send(web(t, 1), http.MethodGet, s.ready.URL+"/v1/models", s.ready.TrialKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(listed.body, &models); err != nil {
		t.Fatal(err)
	}
	if len(models.Data) != 1 || models.Data[0].ID != s.ready.Model || models.Data[0].Simulated || !strings.Contains(models.Data[0].Description, "real but tiny") {
		t.Errorf("the models are %+v", models.Data)
	}
	r := s.post(t, "/v1/chat/completions", s.ready.TrialKey, fmt.Sprintf(question, s.ready.Model))
	if r.status != http.StatusOK || r.header.Get("X-Sluice-Simulated") != "" {
		t.Fatalf("%d %v %s", r.status, r.header, r.body)
	}
	calls := list[usage](t, s, "usage")
	if len(calls) != 1 || calls[0].Simulated || calls[0].Estimated || calls[0].Tokens.Input == 0 || calls[0].Tokens.Output == 0 || calls[0].Charge == 0 {
		t.Errorf("usage shows %+v", calls)
	}
	peak := peakMemory(t, s.cmd.Process.Pid)
	t.Logf("it had %d MB at most", peak/1_000_000)
	if peak > firstMemory && !raceEnabled {
		t.Errorf("it had %d MB, want at most %d", peak/1_000_000, firstMemory/1_000_000)
	}
}

// cpuTime is for how long a process has computed: proc_pid_stat(5), whose clock
// ticks a hundred times a second.
func cpuTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), ") ") // behind the name
	fields := strings.Fields(rest)
	var ticks time.Duration
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * time.Second / 100
}

// peakMemory is the most memory that a process has had, in bytes: VmHWM of
// proc_pid_status(5).
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "VmHWM:")
	text, _, _ := strings.Cut(rest, "kB")
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}
