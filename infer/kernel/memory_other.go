//go:build !linux

package kernel

// wantHuge asks for huge pages where the system can be asked.
func wantHuge([]byte) {}
