//go:build amd64 || arm64

package kernel

// pause spends n of the processor's pauses: it leaves the core's resources to
// others while a goroutine spins.
func pause(n uint32)
