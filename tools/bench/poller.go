package main

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// poller waits for sockets without Go's scheduler, which would cost the
// engine and the load generator more than their own work.
type poller struct {
	fd     int
	events []unix.EpollEvent
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &poller{fd: fd, events: make([]unix.EpollEvent, 512)}, nil
}

// watch asks for input and, when writing too, for room for output.
func (p *poller) watch(fd int, writing, known bool) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if writing {
		ev.Events |= unix.EPOLLOUT
	}
	op := unix.EPOLL_CTL_ADD
	if known {
		op = unix.EPOLL_CTL_MOD
	}
	return unix.EpollCtl(p.fd, op, fd, &ev)
}

// wait returns what is ready, within the timeout; a negative one is none.
// epoll_wait counts in milliseconds, so ppoll waits for it where that is too coarse.
func (p *poller) wait(timeout time.Duration) ([]unix.EpollEvent, error) {
	ms := 0
	switch {
	case timeout < 0:
		ms = -1
	case timeout > 0:
		ts := unix.NsecToTimespec(int64(timeout))
		fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}
		if n, err := unix.Ppoll(fds, &ts, nil); n == 0 || err != nil {
			return nil, interrupted(err)
		}
	}
	n, err := unix.EpollWait(p.fd, p.events, ms)
	if err != nil {
		return nil, interrupted(err)
	}
	return p.events[:n], nil
}

func interrupted(err error) error {
	if err == nil || errors.Is(err, unix.EINTR) {
		return nil
	}
	return fmt.Errorf("waiting for sockets: %w", err)
}

// again reports that a socket has nothing to read, or no room, now.
func again(err error) bool { return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) }

// listen opens a socket on a free port of this machine.
func listen() (fd int, address string, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, "", fmt.Errorf("socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, "", fmt.Errorf("bind: %w", err)
	}
	if err := unix.Listen(fd, 4096); err != nil {
		return 0, "", fmt.Errorf("listen: %w", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, "", fmt.Errorf("getsockname: %w", err)
	}
	port := name.(*unix.SockaddrInet4).Port //nolint:forcetypeassert // it was bound as one
	return fd, fmt.Sprintf("127.0.0.1:%d", port), nil
}

// connect opens a connection to "127.0.0.1:PORT".
func connect(address string) (int, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return 0, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}); err != nil {
		return 0, fmt.Errorf("connecting to %s: %w", address, err)
	}
	return fd, errors.Join(unix.SetNonblock(fd, true), noDelay(fd))
}

func noDelay(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) }
