package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// maxSocketPath is what Linux and macOS both take for a Unix socket's path.
const maxSocketPath = 100

// socketPath is where the operator's socket of a data folder is: in the folder
// or, where that path is too long for a socket, in a folder of this user's
// under the system's temporary one, named by the data folder's hash.
func socketPath(data string) (string, error) {
	abs, err := filepath.Abs(data)
	if err != nil {
		return "", fmt.Errorf("finding the data folder: %w", err)
	}
	path := filepath.Join(abs, "sluice.sock")
	if len(path) <= maxSocketPath {
		return path, nil
	}
	folder := filepath.Join(os.TempDir(), fmt.Sprintf("sluice-%d", os.Getuid()))
	if err := ownFolder(folder); err != nil {
		return "", fmt.Errorf("finding a folder for the operator's socket: %w", err)
	}
	sum := sha256.Sum256([]byte(abs))
	return filepath.Join(folder, hex.EncodeToString(sum[:8])+".sock"), nil
}

// ownFolder makes a folder that only this user can enter. One that is there and
// is not so is refused: anybody may make a folder under the temporary one, and
// whoever owns it could put a socket of their own there, to be told secrets.
func ownFolder(path string) error {
	if err := os.Mkdir(path, 0o700); err == nil || !os.IsExist(err) {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(owner.Uid) != os.Getuid() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s is not a folder of this user's alone: remove it, or use a data folder with a shorter path", path)
	}
	return nil
}
