package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFresh: what is checked in is what this program writes.
func TestFresh(t *testing.T) {
	dir := t.TempDir()
	if err := run(dir); err != nil {
		t.Fatal(err)
	}
	for name := range files() {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("../../infer/kernel", name))
		if err != nil || string(got) != string(want) {
			t.Errorf("infer/kernel/%s is not fresh (%v): run go generate there", name, err)
		}
	}
}
