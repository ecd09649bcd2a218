package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sluice/infer/box"
	"sluice/plug/hub/hubtest"
)

func scriptBox(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: box FILE")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), box.File(), 0o600))
}

func scriptHub(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: hub NAME FILE...")
	}
	files := map[string][]byte{}
	for _, name := range args[1:] {
		files[name] = []byte(ts.ReadFile(name))
	}
	h, stop := hubtest.Start(args[0], files)
	ts.Defer(stop)
	ts.Setenv("HF_ENDPOINT", h.URL)
}

// TestPullIsKilled: SIGKILL in the middle, twice, and then Ctrl-C, and the command
// goes on: what was there is not fetched again, but for the pieces that were under
// way. Meanwhile a second command keeps off.
func TestPullIsKilled(t *testing.T) {
	const size, piece = 200 << 20, 16 << 20
	file := append([]byte("GGUF"), bytes.Repeat([]byte("weights"), size/7)...)
	h := hubtest.New(t, "house/big-GGUF", map[string][]byte{"big-Q8_0.gguf": file})
	var hold atomic.Bool // the second half of the file does not come
	var asked atomic.Int64
	h.Before(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Range") != "" {
			asked.Add(1)
		}
		if at := rangeStart(r); at >= size/2 && hold.Load() {
			<-r.Context().Done()
			return true
		}
		return false
	})
	data := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // nothing hangs for ever
	defer cancel()
	pull := func() *exec.Cmd {
		cmd := exec.CommandContext(ctx, "sluice", "--data", data, "model", "pull", "house/big-GGUF")
		cmd.Env = append(os.Environ(), "HF_ENDPOINT="+h.URL, "HF_HUB_OFFLINE=")
		return cmd
	}
	hold.Store(true)
	for _, end := range []os.Signal{os.Kill, os.Kill, os.Interrupt} {
		cmd := pull()
		var said strings.Builder
		cmd.Stderr = &said
		asked.Store(0)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Once it has asked for a piece, the name is claimed.
		for until := time.Now().Add(time.Minute); asked.Load() == 0 || noted(t, data) < size/2/piece-1; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(until) {
				t.Fatal("nothing comes")
			}
		}
		if out, err := pull().CombinedOutput(); err == nil || !strings.Contains(string(out), "another process is bringing this model") {
			t.Errorf("two at once: %v\n%s", err, out)
		}
		if err := cmd.Process.Signal(end); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was stopped
		if end == os.Interrupt && !strings.Contains(said.String(), "the same command goes on with them") {
			t.Errorf("interrupted it says %q", said.String())
		}
	}
	hold.Store(false)
	before := h.Sent()
	if out, err := pull().CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if again := h.Sent() - before; again > int64(len(file))-(size/2-2*piece) {
		t.Errorf("%d bytes of %d came after half of them had been there", again, len(file))
	}
	kept, err := os.Open(filepath.Join(data, "models", "big-q8_0.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	if got, err := io.ReadAll(kept); err != nil || !bytes.Equal(got, file) {
		t.Errorf("%d bytes are there (%v), and not the file's %d", len(got), err, len(file))
	}
}

// rangeStart is the first byte that a request asks for.
func rangeStart(r *http.Request) int64 {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-")
	var n int64
	for _, digit := range first {
		n = 10*n + int64(digit-'0')
	}
	return n
}

// noted is how many pieces a pull has written down.
func noted(t *testing.T, data string) int {
	t.Helper()
	state, err := os.ReadFile(filepath.Join(data, "models", "big-q8_0.gguf.part.state"))
	if err != nil {
		return 0
	}
	_, done, _ := strings.Cut(string(state), `"done":[`)
	return strings.Count(done, ",") + 1
}
