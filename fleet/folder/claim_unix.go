//go:build unix

package folder

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Claim keeps a name's part from other processes, until the function that it returns
// is called or this process ends, however it ends: it is flock(2) on the part, which
// it makes where there is none. Errors: ErrBusy.
func (f *Folder) Claim(name string) (release func(), err error) {
	path, err := f.Part(name)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("claiming the name of a model: %w", err)
	}
	release = func() { _ = file.Close() } // nothing was written by it
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		release()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrBusy, name)
		}
		return nil, fmt.Errorf("claiming the name of a model: %w", err)
	}
	held, err := file.Stat()
	now, missing := os.Stat(path)
	if err != nil || missing != nil || !os.SameFile(held, now) { // it has just been kept, or removed
		release()
		return nil, fmt.Errorf("%w: %s", ErrBusy, name)
	}
	return release, nil
}
