package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestBoxFitsIn150MB asks the model in the box many things at once: the whole
// server keeps within 150 MB.
func TestBoxFitsIn150MB(t *testing.T) {
	p, _ := launch(t)
	for range 4 {
		var group sync.WaitGroup
		for range 24 {
			group.Go(func() {
				if body := askStream(t, p, p.ready["model"], "Tell me about Sluice."); !strings.HasSuffix(body, "data: [DONE]\n\n") {
					t.Errorf("the answer ends with %.200s", body)
				}
			})
		}
		group.Wait()
	}
	bytes := resident(t, p)
	t.Logf("%d MB", bytes/1_000_000)
	if bytes > 150_000_000 && !raced {
		t.Errorf("the server has grown to %d MB", bytes/1_000_000)
	}
}

// TestMemoryLimit: a server that holds much may use more.
func TestMemoryLimit(t *testing.T) {
	for live, want := range map[int64]int64{0: smallMemory, 20 << 20: smallMemory, 22 << 20: smallMemory, 100 << 20: 400 << 20} {
		if got := memoryLimit(live); got != want {
			t.Errorf("where %d live the limit is %d, not %d", live, got, want)
		}
	}
}

// TestBadGGUF: with a file that is cut off the server starts all the same.
func TestBadGGUF(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cut.gguf")
	if err := os.WriteFile(file, []byte("GGUF\x03\x00\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, _ := launch(t, "--gguf", file)
	if got := status(t, http.DefaultClient, p.ready["url"]+"/healthz"); got != http.StatusOK {
		t.Errorf("status %d", got)
	}
}
