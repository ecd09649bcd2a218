//go:build unix

package fleet

import (
	"errors"
	"syscall"
)

// nothingToRead reports whether a socket is open and silent. Go's sockets do
// not block, so that reading one with nothing to read says EAGAIN. A byte that is there is
// lost; the connection is then closed anyway.
func nothingToRead(fd uintptr) bool {
	var b [1]byte
	_, err := syscall.Read(int(fd), b[:])
	return errors.Is(err, syscall.EAGAIN)
}
