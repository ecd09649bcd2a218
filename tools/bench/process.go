package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// process is a child of ours, pinned to one core.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Scanner // its standard output, by lines
	errors *bytes.Buffer
}

// start runs a program on the core. Children of the program stay there too.
func start(ctx context.Context, core int, env []string, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, name, args...), errors: &bytes.Buffer{}}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = p.errors
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.out = in, bufio.NewScanner(out)
	if err := pinned(core, p.cmd.Start); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return p, nil
}

// pinned calls f on a thread that is bound to the core, for f to start a
// process: it inherits the binding.
func pinned(core int, f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("asking for this thread's cores: %w", err)
	}
	one.Set(core)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("binding to core %d: %w", core, err)
	}
	return errors.Join(f(), unix.SchedSetaffinity(0, &before))
}

// line reads the next line of the output into v, as JSON.
func (p *process) line(v any) error {
	if !p.out.Scan() {
		return fmt.Errorf("%s said nothing: %s", filepath.Base(p.cmd.Path), p.errors)
	}
	if err := json.Unmarshal(p.out.Bytes(), v); err != nil {
		return fmt.Errorf("%s said %.200q: %w", filepath.Base(p.cmd.Path), p.out.Bytes(), err)
	}
	return nil
}

// stopTimeout is how long a process may take to end when it is asked to.
const stopTimeout = 20 * time.Second

// stop asks the process to end and waits for it. One that does not is killed.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(unix.SIGTERM) // it may have ended
	defer time.AfterFunc(stopTimeout, func() { _ = p.cmd.Process.Kill() }).Stop()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(interface{ Signal() unix.Signal }).Signal() == unix.SIGTERM { //nolint:forcetypeassert // a WaitStatus here
		return nil
	}
	return err
}

// family is a process and its descendants.
func family(pid int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	for _, path := range stats {
		if f, err := statFields(path); err == nil { // one may have ended since
			parent, child := int(f[1]), number([]byte(strings.TrimPrefix(path, "/proc/")))
			children[parent] = append(children[parent], child)
		}
	}
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all, nil
}

// statFields returns the fields of /proc/PID/stat behind the name, the state
// being the first and left zero.
func statFields(path string) ([]int64, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	out := make([]int64, len(fields))
	for i, f := range fields[1:] {
		out[i+1], _ = strconv.ParseInt(f, 10, 64) // beyond 64 bits: addresses, which nobody reads
	}
	return out, nil
}

// ticks is the unit of /proc/PID/stat: 100 a second on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// cpuTime is what a process and its descendants have used, user and system.
func cpuTime(pid int) (time.Duration, error) {
	all, err := family(pid)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, p := range all {
		f, err := statFields(fmt.Sprintf("/proc/%d/stat", p))
		if err != nil {
			return 0, fmt.Errorf("reading the CPU time of a gateway: %w", err)
		}
		sum += f[11] + f[12]
	}
	return time.Duration(sum) * tick, nil
}

// resident is the memory of a process and its descendants, in bytes.
func resident(pid int) (int64, error) {
	all, err := family(pid)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, p := range all {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p))
		if err != nil {
			return 0, fmt.Errorf("reading the memory of a gateway: %w", err)
		}
		_, rss, ok := strings.Cut(string(raw), "\nRss:")
		if !ok {
			return 0, errors.New("smaps_rollup tells no Rss")
		}
		kib, err := strconv.ParseInt(strings.Fields(rss)[0], 10, 64)
		if err != nil {
			return 0, err
		}
		sum += kib << 10
	}
	return sum, nil
}
