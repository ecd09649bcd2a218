package powerloss

import (
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// SQLite is C translated to Go: its pointers are integers that point into memory
// the garbage collector does not know. Everything unsafe about that is here.

// allocate returns the address of size zeroed bytes of C memory, to be freed
// with sqlite3_free, or 0.
func allocate(tls *libc.TLS, size int) uintptr {
	p := sqlite3.Xsqlite3_malloc64(tls, uint64(size))
	if p != 0 {
		clear(memory(p, int32(size)))
	}
	return p
}

// memory returns the n bytes of C memory at p.
func memory(p uintptr, n int32) []byte {
	return libc.GoBytes(p, int(n))
}

// at returns the value of type T in C memory at p.
func at[T any](p uintptr) *T {
	var zero T
	return (*T)(unsafe.Pointer(unsafe.SliceData(libc.GoBytes(p, int(unsafe.Sizeof(zero))))))
}

// sizeOf returns the size in bytes of a T in C memory.
func sizeOf[T any]() int {
	var zero T
	return int(unsafe.Sizeof(zero))
}

// callback is a Go function in the form in which translated C calls it: the
// word of a Go function value. It stays valid for as long as keep is reachable,
// since C memory keeps nothing alive.
type callback struct {
	word uintptr
	keep any
}

// newCallback makes a callback of f, which must be a function of the signature
// that the translated C expects in the place where the word is stored.
func newCallback[F any](f F) callback {
	keep := &f
	return callback{word: *(*uintptr)(unsafe.Pointer(keep)), keep: keep}
}
