//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package gguf

import "os"

// hold does nothing: these systems have no leases.
func hold(*os.File) {}
