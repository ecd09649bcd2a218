//go:build !amd64 && !arm64

package kernel

func supported(Set) bool { return false }

// No set is supported here, so nothing of this is ever called.

func (s Set) mul(layout, int, *float32, uintptr, *byte, *byte, int, int) { panic(s) }

func (s Set) mulFloat(layout, int, *float32, uintptr, *byte, *float32, uintptr, int) { panic(s) }
