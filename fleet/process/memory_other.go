//go:build !linux

package process

import (
	"errors"
	"os"
)

// availableMemory is not known on this system.
func availableMemory() (free int64, from string, err error) {
	return 0, "", errors.New("how much memory is available cannot be told on this system")
}

// FreeDisk is not known on this system: -1.
func FreeDisk(folder string) (int64, error) {
	if folder == "" {
		return -1, nil
	}
	_, err := os.Stat(folder)
	return -1, err
}
