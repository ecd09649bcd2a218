//go:build unix && !linux

package process

import (
	"hash/fnv"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// attributes put a process into a group of its own.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitEnd waits until a child has ended. Elsewhere than on Linux that reaps it:
// what it started is ended a moment later.
func awaitEnd(pid int) {
	for syscall.Kill(pid, 0) == nil && !zombie(pid) {
		time.Sleep(200 * time.Millisecond)
	}
}

// zombie reports whether a process has ended and is not reaped.
func zombie(pid int) bool {
	out, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
	return err != nil || len(out) > 0 && out[0] == 'Z'
}

// sacrifice does nothing on this system.
func sacrifice(int) {}

// began is a number that tells a process from a later one of the same id.
func began(pid int) int64 {
	out, err := exec.Command("ps", "-o", "lstart=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write(out)
	return int64(h.Sum64() >> 1)
}

// read is not known on this system.
func (c *child) read() int64 { return 0 }

// endMarked finds nothing on this system, which does not show environments.
func endMarked(string) bool { return false }

// endLeft ends the group of what a server that is gone has left of an engine.
func endLeft(r record) bool {
	return r.PID > 0 && r.Began != 0 && began(r.PID) == r.Began && syscall.Kill(-r.PID, syscall.SIGKILL) == nil
}
