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
	var group sync.WaitGroup
	for range 24 {
		group.Go(func() {
			if body := askStream(t, p, p.ready["model"], "Tell me about Sluice."); !strings.HasSuffix(body, "data: [DONE]\n\n") {
				t.Errorf("the answer ends with %.200s", body)
			}
		})
	}
	group.Wait()
	if bytes := resident(t, p); bytes > 150_000_000 && !raced {
		t.Errorf("the server has grown to %d MB", bytes/1_000_000)
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
