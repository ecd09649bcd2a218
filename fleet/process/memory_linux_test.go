package process

import (
	"os"
	"path/filepath"
	"testing"
)

// TestGroupMemory reads what control groups leave, of both versions.
func TestGroupMemory(t *testing.T) {
	for name, c := range map[string]struct {
		self  string
		files map[string]string
		left  int64
		ok    bool
	}{
		"none":      {"0::/a\n", nil, 0, false},
		"unlimited": {"0::/a\n", map[string]string{"a/memory.max": "max\n", "a/memory.current": "5\n"}, 0, false},
		"version 2": {"0::/a\n", map[string]string{"a/memory.max": "1000\n", "a/memory.current": "400\n"}, 600, true},
		"files that are cached": {"0::/a\n", map[string]string{
			"a/memory.max": "1000", "a/memory.current": "400", "a/memory.stat": "anon 100\ninactive_file 200\nactive_file 50\n",
		}, 850, true},
		"the one above": {"0::/a/b\n", map[string]string{
			"a/memory.max": "500", "a/memory.current": "450", "a/b/memory.max": "1000", "a/b/memory.current": "100",
		}, 50, true},
		"version 1": {"5:cpu:/a\n4:memory:/a\n", map[string]string{
			"memory/a/memory.limit_in_bytes": "1000", "memory/a/memory.usage_in_bytes": "300", "memory/a/memory.stat": "total_inactive_file 100\n",
		}, 800, true},
		"version 1, unlimited": {"4:memory:/\n", map[string]string{
			"memory/memory.limit_in_bytes": "9223372036854771712", "memory/memory.usage_in_bytes": "300",
		}, 0, false},
	} {
		root := t.TempDir()
		self := filepath.Join(root, "self")
		put(t, self, c.self)
		for path, text := range c.files {
			put(t, filepath.Join(root, path), text)
		}
		if left, ok := groupMemory(root, self); left != c.left || ok != c.ok {
			t.Errorf("%s: %d, %t; it should be %d, %t", name, left, ok, c.left, c.ok)
		}
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
