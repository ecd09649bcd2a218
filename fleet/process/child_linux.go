package process

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// attributes put a process into a group of its own, and end it with the server.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitEnd waits until a child has ended, and leaves it to be reaped.
func awaitEnd(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return // the end, or nothing to wait for
		}
	}
}

// sacrifice has the kernel end the engine and not the server when memory runs
// out (proc_pid_oom_score_adj(5)).
func sacrifice(pid int) {
	_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte("500"), 0) // a system that does not have it
}

// began is when a process began, in ticks since the machine did; 0 when it is gone.
func began(pid int) int64 {
	_, ticks := statOf(pid)
	return ticks
}

// statOf reads state and beginning from proc_pid_stat(5). The name, in
// parentheses, may hold anything.
func statOf(pid int) (state byte, ticks int64) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0
	}
	text := string(raw)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 {
		return 0, 0
	}
	ticks, _ = strconv.ParseInt(fields[19], 10, 64)
	return fields[0][0], ticks
}

// read is how much the process and those below it have read, from files or what
// caches them, or have mapped: whichever is the most (proc_pid_io(5), proc_pid_statm(5)).
func (c *child) read() int64 {
	var called, fetched, mapped int64
	for _, pid := range family(c.number) {
		dir := "/proc/" + strconv.Itoa(pid)
		if io, err := os.ReadFile(dir + "/io"); err == nil {
			n, _ := counted(io, "rchar:")
			called += n
			n, _ = counted(io, "read_bytes:")
			fetched += n
		}
		if statm, err := os.ReadFile(dir + "/statm"); err == nil {
			if fields := strings.Fields(string(statm)); len(fields) > 1 {
				pages, _ := strconv.ParseInt(fields[1], 10, 64)
				mapped += pages * int64(os.Getpagesize())
			}
		}
	}
	return max(called, fetched, mapped)
}

// familyMost bounds how many processes of one engine are looked at.
const familyMost = 256

// family is a process and those below it, itself first.
func family(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all) && len(all) < familyMost; i++ {
		dir := "/proc/" + strconv.Itoa(all[i]) + "/task"
		tasks, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, t := range tasks {
			raw, err := os.ReadFile(dir + "/" + t.Name() + "/children")
			if err != nil {
				continue
			}
			for f := range strings.FieldsSeq(string(raw)) {
				if n, err := strconv.Atoi(f); err == nil {
					all = append(all, n)
				}
			}
		}
	}
	return all
}

// endMarked kills every process that has a mark in the environment that it was
// started with, whatever its group, and reports whether there were any.
func endMarked(mark string) (found bool) {
	for _, pid := range marked(mark) {
		found = syscall.Kill(pid, syscall.SIGKILL) == nil || found
	}
	return found
}

// marked finds the processes with a mark.
func marked(mark string) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	want := "\x00" + markVariable + "=" + mark + "\x00"
	var found []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		raw, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err != nil || !strings.Contains("\x00"+string(raw)+"\x00", want) {
			continue
		}
		if state, _ := statOf(pid); state != 'Z' {
			found = append(found, pid)
		}
	}
	return found
}

// endLeft ends what a server that is gone has left of an engine, and waits until
// it is gone: its port and its accelerators are free then.
func endLeft(r record) (found bool) {
	for range 50 {
		if !endMarked(r.Run) {
			break
		}
		found = true
		time.Sleep(100 * time.Millisecond)
	}
	return found
}
