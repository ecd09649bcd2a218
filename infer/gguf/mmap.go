//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package gguf

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Map maps a file into memory, read-only, and returns its bytes and a function
// that gives the mapping back. The bytes must not be used after that. A file
// that someone truncates while it is mapped kills the program, so a mapping is
// kept only as long as it takes to load a model, and who wants to write the
// file waits meanwhile, where the system can have it so.
func Map(path string) (data []byte, unmap func() error, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("mapping a file: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close() // nothing was written
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("mapping a file: %w", err)
	}
	if info.Mode().IsRegular() {
		hold(f)
		if info, err = f.Stat(); err != nil { // as it is held
			return nil, nil, fmt.Errorf("mapping a file: %w", err)
		}
	}
	size := info.Size()
	if !info.Mode().IsRegular() || size == 0 || int64(int(size)) != size {
		return nil, nil, fmt.Errorf("mapping %s: not a regular file of usable size (%d bytes)", path, size)
	}
	data, err = syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("mapping %s: %w", path, err)
	}
	return data, func() error { return errors.Join(syscall.Munmap(data), f.Close()) }, nil
}
