//go:build !unix

package fleet

// nothingToRead cannot look at a socket here. A connection that the engine
// closed shows when the next call fails on it, and is then replaced.
func nothingToRead(uintptr) bool { return true }
