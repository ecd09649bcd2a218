package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A data folder with a long path has its socket in a folder that nobody else
// can have prepared.
func TestSocketFolder(t *testing.T) {
	data := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	for _, c := range []struct {
		name    string
		prepare func(folder string) error
		ok      bool
	}{
		{"none", func(string) error { return nil }, true},
		{"own", func(f string) error { return os.Mkdir(f, 0o700) }, true},
		{"open to others", func(f string) error {
			if err := os.Mkdir(f, 0o700); err != nil {
				return err
			}
			return os.Chmod(f, 0o777)
		}, false},
		{"a link", func(f string) error { return os.Symlink(t.TempDir(), f) }, false},
		{"a file", func(f string) error { return os.WriteFile(f, nil, 0o600) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			tmp := t.TempDir()
			t.Setenv("TMPDIR", tmp)
			folder := filepath.Join(tmp, fmt.Sprintf("sluice-%d", os.Getuid()))
			if err := c.prepare(folder); err != nil {
				t.Fatal(err)
			}
			path, err := socketPath(data)
			if (err == nil) != c.ok {
				t.Fatalf("%q, %v", path, err)
			}
			if c.ok && (filepath.Dir(path) != folder) {
				t.Errorf("the socket is %s", path)
			}
		})
	}
	short := "/short"
	if path, err := socketPath(short); err != nil || path != filepath.Join(short, "sluice.sock") {
		t.Errorf("%q, %v", path, err)
	}
}
