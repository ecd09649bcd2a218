package process

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// availableMemory is how many bytes of main memory can be taken, and what bounds
// it: the machine, or the control group that the server is in (cgroups(7), both
// versions) or one above it. What only caches files counts as available, as in
// MemAvailable (proc_meminfo(5)).
func availableMemory() (free int64, from string, err error) {
	raw, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, "", err
	}
	free, ok := counted(raw, "MemAvailable:")
	if !ok {
		return 0, "", fmt.Errorf("/proc/meminfo does not tell how much memory is available")
	}
	free, from = free*1024, "the machine"
	if left, ok := groupMemory("/sys/fs/cgroup", "/proc/self/cgroup"); ok && left < free {
		free, from = left, "its control group"
	}
	return free, from, nil
}

// groupMemory is what the control groups of this process leave to it; ok is false without a limit.
func groupMemory(root, self string) (left int64, ok bool) {
	raw, err := os.ReadFile(self)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(raw)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3) // "0::/a/b", or "5:memory:/a/b"
		if len(fields) != 3 {
			continue
		}
		v2 := fields[0] == "0" && fields[1] == ""
		if !v2 && fields[1] != "memory" {
			continue
		}
		top := root
		if !v2 {
			top = filepath.Join(root, "memory")
		}
		for dir := filepath.Join(top, fields[2]); len(dir) >= len(top); dir = filepath.Dir(dir) {
			if l, limited := leftIn(dir, v2); limited && (!ok || l < left) {
				left, ok = l, true
			}
		}
	}
	return left, ok
}

// leftIn is what one control group leaves.
func leftIn(dir string, v2 bool) (int64, bool) {
	limitFile, usedFile, cached := "memory.max", "memory.current", []string{"inactive_file ", "active_file "}
	if !v2 {
		limitFile, usedFile, cached = "memory.limit_in_bytes", "memory.usage_in_bytes", []string{"total_inactive_file ", "total_active_file "}
	}
	number := func(name string) (int64, error) {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return 0, err
		}
		return strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64) // "max" is none
	}
	limit, err := number(limitFile)
	used, err2 := number(usedFile)
	if cmp.Or(err, err2) != nil || limit > 1<<60 {
		return 0, false
	}
	if stat, err := os.ReadFile(filepath.Join(dir, "memory.stat")); err == nil {
		for _, name := range cached {
			n, _ := counted(stat, name)
			used -= n
		}
	}
	return limit - max(used, 0), true
}

// counted finds the number behind a name at the beginning of a line.
func counted(text []byte, name string) (int64, bool) {
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), name); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// FreeDisk is how many bytes are free to this user on the file system of a folder.
func FreeDisk(folder string) (int64, error) {
	folder = cmp.Or(folder, ".")
	var st syscall.Statfs_t
	if err := syscall.Statfs(folder, &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: folder, Err: err}
	}
	return int64(st.Bavail) * st.Bsize, nil
}
