package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/net/netutil"
)

// Bounds of a connection. A request's body has a limit of its own in the
// gateway; streams may last for hours, so there is none for writing.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 256 << 10 // the gateway refuses more than 64 KiB in the client's dialect
)

// doors are the ways in: the TCP address for everybody, the Unix socket for
// the operator on this machine.
type doors struct {
	tcp, local net.Listener
	servers    []*http.Server
	failed     chan error
	tls        bool
	calls      *drain
	discovered func() // ends the looking for engines in a cluster
	followed   func() // and that for files of models
}

// open listens on both doors.
func (s *server) open(ctx context.Context) (*doors, error) {
	tcp, err := new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", s.cfg.Listen, err)
	}
	if s.cfg.TLSCert == "" && !loopback(tcp.Addr().String()) {
		s.log.Warn("serving without TLS on an address that other machines reach: keys and prompts pass in the clear unless a proxy in front encrypts them", "listen", tcp.Addr().String())
	}
	if s.cfg.Connections > 0 {
		tcp = netutil.LimitListener(tcp, int(s.cfg.Connections))
	}
	local, err := listenLocal(ctx, s.cfg.Data)
	if err != nil {
		return nil, errors.Join(err, tcp.Close())
	}
	d := &doors{tcp: tcp, local: local, failed: make(chan error, 2), tls: s.cfg.TLSCert != "", calls: s.calls}
	s.url = cmp.Or(strings.TrimRight(s.cfg.PublicURL, "/"), d.url())
	management := s.management()
	if d.discovered, err = s.discover(ctx, management); err != nil {
		return nil, errors.Join(err, tcp.Close(), local.Close())
	}
	d.followed = s.followModels(ctx, management)
	d.serve(tcp, timeBodies(s.handler(management), s.cfg.BodyTimeout), s.log, s.cfg.TLSCert, s.cfg.TLSKey)
	d.serve(local, timeBodies(management.Local(), s.cfg.BodyTimeout), s.log, "", "")
	for _, srv := range d.servers {
		srv.RegisterOnShutdown(management.EndStreams)
	}
	return d, nil
}

// serve answers one door in the background.
func (d *doors) serve(l net.Listener, h http.Handler, log *slog.Logger, cert, key string) {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	d.servers = append(d.servers, srv)
	go func() {
		var err error
		if cert != "" {
			err = srv.ServeTLS(l, cert, key)
		} else {
			err = srv.Serve(l)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			d.failed <- fmt.Errorf("serving on %s: %w", l.Addr(), err)
		}
	}()
}

// url is where this machine reaches the TCP door.
func (d *doors) url() string {
	addr := d.tcp.Addr().String()
	if host, port, err := net.SplitHostPort(addr); err == nil && net.ParseIP(host).IsUnspecified() {
		addr = net.JoinHostPort("127.0.0.1", port)
	}
	if d.tls {
		return "https://" + addr
	}
	return "http://" + addr
}

// settleLimit is how long calls that were broken off have to be billed.
const settleLimit = 5 * time.Second

// serveUntil runs until ctx ends, then lets running calls finish, for as long
// as timeout or until hurry ends, and closes. It is an error to break calls off;
// they are billed for what was delivered.
func (d *doors) serveUntil(ctx, hurry context.Context, timeout time.Duration, log *slog.Logger) error {
	select {
	case err := <-d.failed:
		return errors.Join(err, d.close())
	case <-ctx.Done():
	}
	log.Info("stopping: no new calls; running ones finish", "timeout", timeout.String())
	d.calls.begin()
	limit, cancel := context.WithTimeout(hurry, timeout)
	defer cancel()
	broken := d.calls.wait(limit)
	for _, srv := range d.servers {
		if err := srv.Shutdown(limit); err != nil && broken == 0 {
			log.Warn("connections were broken off", "error", err)
		}
	}
	err := d.close()
	if broken > 0 {
		settling, cancel := context.WithTimeout(context.Background(), settleLimit)
		defer cancel()
		d.calls.wait(settling)
		err = errors.Join(err, fmt.Errorf("stopped before %d calls had finished; they are billed for what was delivered", broken))
	}
	return err
}

// close breaks off what still runs.
func (d *doors) close() error {
	d.followed()
	d.discovered()
	var errs []error
	for _, srv := range d.servers {
		errs = append(errs, srv.Close())
	}
	return errors.Join(errs...)
}

// listenLocal opens the operator's socket, for this user alone. A socket that
// a killed server left behind is replaced: the store's lock has made sure that
// no other server runs on the folder.
func listenLocal(ctx context.Context, data string) (net.Listener, error) {
	path, err := socketPath(data)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the operator's socket: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("removing an old socket: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listening on the operator's socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("closing the socket to others: %w", err), l.Close())
	}
	return l, nil
}

// readyz says whether the server takes calls.
func (s *server) readyz(w http.ResponseWriter, _ *http.Request) {
	switch {
	case s.calls.stopping():
		http.Error(w, "stopping", http.StatusServiceUnavailable)
	case len(s.fleet.Status()) == 0:
		http.Error(w, "no engine is set up", http.StatusServiceUnavailable)
	default:
		_, _ = io.WriteString(w, "ready\n") // the prober may be gone
	}
}

// loopback reports whether only this machine reaches an address, HOST:PORT.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	return net.ParseIP(host).IsLoopback()
}
