package infer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/infer/kernel"
)

// TestAFileCutShortIsAnError: what is mapped and not there any more is an error,
// whichever goroutine reads it. The file is open for writing all the time, so that
// nothing keeps it from being cut.
func TestAFileCutShortIsAnError(t *testing.T) {
	pool := kernel.NewPool(3)
	defer pool.Close()
	for name, read := range map[string]func(data []byte, sums []byte){
		"the caller": func(data, sums []byte) { sums[0] += data[1<<19] },
		"a worker":   func(data, sums []byte) { pool.Run(8, func(i int) { sums[i] += data[i<<16] }) },
	} {
		t.Run(name, func(t *testing.T) {
			file, err := os.OpenFile(filepath.Join(t.TempDir(), "model.gguf"), os.O_CREATE|os.O_RDWR, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if _, err := file.Write(make([]byte, 1<<20)); err != nil {
				t.Fatal(err)
			}
			_, err = open(file.Name(), func(data []byte) ([]byte, error) {
				sums := make([]byte, 8)
				read(data, sums)
				if err := file.Truncate(0); err != nil {
					return nil, err
				}
				read(data, sums)
				return sums, nil
			})
			if err == nil || !strings.Contains(err.Error(), "cut short") {
				t.Errorf("error %v", err)
			}
		})
	}
}
