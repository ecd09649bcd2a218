package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// machine says on what a result was measured.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Memory string `json:"memory"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Nginx  string `json:"nginx"`
	Commit string `json:"commit"`
	Date   string `json:"date"`
	Args   string `json:"command"`
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %s, Linux %s, %s, nginx %s, commit %s, %s, `%s`", m.CPU, m.Cores, m.Memory, m.Kernel, m.Go, m.Nginx, m.Commit, m.Date, m.Args)
}

// newResult describes the run. What cannot be found out is "unknown".
func newResult(ctx context.Context, o options) result {
	m := machine{
		CPU: field("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), Memory: field("/proc/meminfo", "MemTotal"),
		Kernel: output(ctx, "uname", "-r"), Go: runtime.Version(), Commit: output(ctx, "git", "describe", "--always", "--dirty"),
		Date: time.Now().UTC().Format("2006-01-02"), Args: strings.Join(append([]string{"go run ."}, os.Args[1:]...), " "),
	}
	_, m.Nginx, _ = strings.Cut(output(ctx, nginxBinary(), "-v"), "nginx/")
	return result{Machine: m, Rounds: o.rounds, Seconds: o.duration.Seconds()}
}

// field reads "name: value" in a file of /proc.
func field(path, name string) string {
	raw, _ := os.ReadFile(path) // not there: unknown
	for line := range strings.Lines(string(raw)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// output is what a program says, on either way out.
func output(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
