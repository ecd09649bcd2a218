//go:build unix

package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// claimFile takes the lock of the database at path and makes an empty one, which only
// its owner may read, where there is none. SQLite gives the log the same rights.
func claimFile(path string) (lock, error) {
	l, err := lockFile(path)
	if err != nil {
		return lock{}, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return lock{}, errors.Join(fmt.Errorf("making %s: %w", path, err), l.release())
	}
	return l, nil
}

// lockFile takes the lock of the database at path: flock(2) on a file beside
// it, which holds the process id of whoever has it. The kernel gives the lock
// back when the process ends, however it ends; the file stays.
func lockFile(path string) (lock, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return lock{}, fmt.Errorf("opening the lock of %s: %w", path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return lock{}, fmt.Errorf("locking %s: %w", path, err)
		}
		owner, _ := io.ReadAll(io.LimitReader(f, 20))
		return lock{}, fmt.Errorf("%s is in use by process %s: stop it first", path, strings.TrimSpace(string(owner)))
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = fmt.Fprintln(f, os.Getpid())
	}
	if err != nil {
		return lock{}, errors.Join(fmt.Errorf("writing the lock of %s: %w", path, err), f.Close())
	}
	return lock{
		held:    func(context.Context) error { return nil },
		claim:   func(context.Context) error { return nil },
		release: f.Close,
	}, nil
}
