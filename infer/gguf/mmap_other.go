//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package gguf

import (
	"fmt"
	"os"
)

// Map reads a file into memory, on systems where this package does not map
// files. The returned function does nothing.
func Map(path string) (data []byte, unmap func() error, err error) {
	data, err = os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading a file: %w", err)
	}
	return data, func() error { return nil }, nil
}
