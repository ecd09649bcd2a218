package gguf

import (
	"os"
	"syscall"
)

// setLease is F_SETLEASE of fcntl(2).
const setLease = 1024

// hold takes a lease on a file until it is closed: who truncates it, or opens it
// to write, waits until then, for up to 45 seconds (fcntl(2), "Leases"). Files of
// other users and those on some file systems have none, nor has one that is
// being written: then it stays without.
func hold(f *os.File) {
	_, _, _ = syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), setLease, syscall.F_RDLCK)
}
