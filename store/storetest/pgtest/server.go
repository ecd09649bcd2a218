//go:build unix

package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// server is a running PostgreSQL. Its data and its socket lie in dir, which
// only its own user may enter.
type server struct {
	dir    string
	cmd    *exec.Cmd
	log    bytes.Buffer  // read only after ended
	ended  chan struct{} // closed when the process is gone
	reason error         // why it ended
}

// start makes a cluster in a new folder and serves it until stop is called or
// this process ends, however it ends.
func start(bin string, settings []string) (*server, error) {
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, ended: make(chan struct{})}
	if err := s.boot(bin, settings); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

func (s *server) boot(bin string, settings []string) error {
	cred, err := unprivileged()
	if err != nil {
		return err
	}
	if cred != nil {
		if err := os.Chown(s.dir, int(cred.Uid), int(cred.Gid)); err != nil {
			return err
		}
	}
	data := filepath.Join(s.dir, "data")
	initdb := s.command(cred, filepath.Join(bin, "initdb"), "--pgdata", data, "--username=postgres",
		"--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	args := append([]string{
		"-D", data, "-k", s.dir,
		"-c", "listen_addresses=", "-c", "max_connections=300", "-c", "timezone=UTC",
	}, settings...)
	s.cmd = s.command(cred, filepath.Join(bin, "postgres"), args...)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	dieWithParent(s.cmd.SysProcAttr)
	if err := s.serve(); err != nil {
		return err
	}
	return s.ready(30 * time.Second)
}

// unprivileged returns whom to run PostgreSQL as, since it refuses to run as
// root: nil when this process is not root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func (s *server) command(cred *syscall.Credential, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	return cmd
}

// serve starts the process and waits for its end, both on one operating system
// thread: the kernel takes the end of that thread for the parent's.
func (s *server) serve() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := s.cmd.Start()
		started <- err
		if err == nil {
			s.reason = s.cmd.Wait()
			close(s.ended)
		}
	}()
	return <-started
}

// ready waits until the server takes connections.
func (s *server) ready(patience time.Duration) error {
	deadline := time.After(patience)
	for {
		err := s.exec("SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("postgres ended: %w\n%s", s.reason, &s.log)
		case <-deadline:
			s.kill(syscall.SIGKILL)
			return fmt.Errorf("postgres takes no connection: %w\n%s", err, &s.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the server at once and removes what it stored.
func (s *server) stop() {
	s.kill(syscall.SIGQUIT)
	_ = os.RemoveAll(s.dir) // what is left lies in the system's temporary folder
}

// kill sends the signal, and SIGKILL if that is not enough, and waits.
func (s *server) kill(sig syscall.Signal) {
	_ = s.cmd.Process.Signal(sig) // fails only when the process is gone
	select {
	case <-s.ended:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}
