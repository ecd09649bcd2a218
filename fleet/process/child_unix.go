//go:build unix

package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// outputGrace is how long what is left in the pipe is read when all that wrote
// to it should have ended.
const outputGrace = time.Second

// child is a program that runs, in a process group of its own.
type child struct {
	run    string // its mark
	number int
	ended  chan struct{}
	why    string // set before ended is closed

	mu     sync.Mutex // so that no signal is sent once its number may be another's
	reaped bool
	killed bool
}

func (c *child) pid() int              { return c.number }
func (c *child) done() <-chan struct{} { return c.ended }
func (c *child) how() string           { return c.why }

// end signals the whole group.
func (c *child) end(kill bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reaped {
		return
	}
	sig := syscall.SIGTERM
	if kill {
		sig, c.killed = syscall.SIGKILL, true
	}
	_ = syscall.Kill(-c.number, sig) // it may have ended
}

// run starts a program. What it writes, to whichever of its outputs, goes to the log.
func (c *computer) run(p *program, log *ring) (instance, error) {
	mark := newMark()
	if err := c.note(p.engine, record{Run: mark}); err != nil {
		return nil, err
	}
	cmd := exec.Command(p.argv[0], p.argv[1:]...) //nolint:noctx // what the operator of this machine defined; it lives until it is ended
	cmd.Env, cmd.Dir = append(p.env, markVariable+"="+mark), p.folder
	cmd.SysProcAttr = attributes()
	out, in, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a pipe for its output: %w", err), c.forget(p.engine))
	}
	cmd.Stdout, cmd.Stderr = in, in
	ch := &child{run: mark, ended: make(chan struct{})}
	started := make(chan error)
	go c.live(p, cmd, ch, out, in, log, started)
	if err := <-started; err != nil {
		return nil, err
	}
	return ch, nil
}

// live starts a process and stays with it until it has ended. The kernel ends a
// process with the thread that started it (Pdeathsig, prctl(2)), so this one is
// kept for it, and ends with the goroutine.
func (c *computer) live(p *program, cmd *exec.Cmd, ch *child, out, in *os.File, log *ring, started chan<- error) {
	runtime.LockOSThread()
	err := cmd.Start()
	_ = in.Close() // the child has its own
	if err != nil {
		started <- errors.Join(fmt.Errorf("starting %s: %w", p.argv[0], unwrapped(err)), c.forget(p.engine), out.Close())
		return
	}
	ch.number = cmd.Process.Pid
	sacrifice(ch.number)
	noted := c.note(p.engine, record{Run: ch.run, PID: ch.number, Began: began(ch.number)})
	if noted != nil {
		log.begin("it could not be noted, so that a server which is killed would leave it: " + noted.Error())
	}
	read := make(chan struct{})
	go func() { log.copy(out); close(read) }()
	started <- nil

	awaitEnd(ch.number)
	// It has ended but is not reaped, so that its group's number is still its own:
	// what it started ends with it.
	_ = syscall.Kill(-ch.number, syscall.SIGKILL)
	ch.mu.Lock()
	err = cmd.Wait()
	ch.reaped = true
	killed := ch.killed
	ch.mu.Unlock()
	endMarked(ch.run)
	select {
	case <-read:
	case <-time.After(outputGrace): // somebody holds the pipe open
	}
	_ = out.Close()
	ch.why = ending(cmd, err, killed, log.last())
	if err := c.forget(p.engine); err != nil {
		log.begin(err.Error())
	}
	log.begin(ch.why)
	close(ch.ended)
}

// ending says how a process has ended.
func ending(cmd *exec.Cmd, err error, killed bool, last string) string {
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	var text string
	switch {
	case status.Signaled() && status.Signal() == syscall.SIGKILL && killed:
		text = "it was killed"
	case status.Signaled() && status.Signal() == syscall.SIGKILL:
		text = "it was killed by another, which is what happens when memory runs out"
	case status.Signaled():
		text = fmt.Sprintf("it ended by signal %d (%s)", status.Signal(), status.Signal())
	case err == nil:
		text = "it ended by itself, with exit code 0"
	default:
		text = fmt.Sprintf("it ended with exit code %d", cmd.ProcessState.ExitCode())
	}
	if last != "" {
		text += "; its last words: " + last
	}
	return text
}

// unwrapped is the error of starting a program without its name, which is told already.
func unwrapped(err error) error {
	if e, ok := errors.AsType[*exec.Error](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}
