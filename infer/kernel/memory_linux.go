package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// wantHuge asks the system for huge pages behind b, before b is written to for
// the first time. What shares a huge page with b gets it too: large pieces of
// the heap lie side by side, so together they fill theirs. It is a wish: a
// system that does not know it, or has none left, gives what it has.
func wantHuge(b []byte) {
	first := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	start := first &^ (hugePage - 1)
	end := (first + uintptr(len(b)) + hugePage - 1) &^ (hugePage - 1)
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, start, end-start, unix.MADV_HUGEPAGE)
}
