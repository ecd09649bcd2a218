package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
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
}

// open listens on both doors.
func (s *server) open() (*doors, error) {
	tcp, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", s.cfg.Listen, err)
	}
	if s.cfg.Connections > 0 {
		tcp = netutil.LimitListener(tcp, int(s.cfg.Connections))
	}
	local, err := listenLocal(s.cfg.Data)
	if err != nil {
		return nil, errors.Join(err, tcp.Close())
	}
	d := &doors{tcp: tcp, local: local, failed: make(chan error, 2), tls: s.cfg.TLSCert != ""}
	management := s.management(d.url())
	d.serve(tcp, s.handler(management), s.log, s.cfg.TLSCert, s.cfg.TLSKey)
	d.serve(local, management.Local(), s.log, "", "")
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

// url is where the TCP door is.
func (d *doors) url() string {
	if d.tls {
		return "https://" + d.tcp.Addr().String()
	}
	return "http://" + d.tcp.Addr().String()
}

// serveUntil runs until ctx ends, then lets running requests finish, for as
// long as timeout, and closes.
func (d *doors) serveUntil(ctx context.Context, timeout time.Duration, log *slog.Logger) error {
	select {
	case err := <-d.failed:
		return errors.Join(err, d.close())
	case <-ctx.Done():
	}
	log.Info("stopping: no new requests; running ones finish", "timeout", timeout.String())
	drain, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for _, srv := range d.servers {
		if err := srv.Shutdown(drain); err != nil {
			log.Warn("requests were broken off", "error", err)
		}
	}
	return d.close()
}

// close breaks off what still runs.
func (d *doors) close() error {
	var errs []error
	for _, srv := range d.servers {
		errs = append(errs, srv.Close())
	}
	return errors.Join(errs...)
}

// listenLocal opens the operator's socket, for this user alone. A socket that
// a killed server left behind is replaced: the store's lock has made sure that
// no other server runs on the folder.
func listenLocal(data string) (net.Listener, error) {
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
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listening on the operator's socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("closing the socket to others: %w", err), l.Close())
	}
	return l, nil
}

// maxSocketPath is what Linux and macOS both take for a Unix socket's path.
const maxSocketPath = 100

// socketPath is where the operator's socket of a data folder is: in the folder
// or, where that path is too long for a socket, in a folder of this user's
// under the system's temporary one, named by the data folder's hash.
func socketPath(data string) (string, error) {
	abs, err := filepath.Abs(data)
	if err != nil {
		return "", fmt.Errorf("finding the data folder: %w", err)
	}
	path := filepath.Join(abs, "sluice.sock")
	if len(path) <= maxSocketPath {
		return path, nil
	}
	sum := sha256.Sum256([]byte(abs))
	return filepath.Join(os.TempDir(), fmt.Sprintf("sluice-%d", os.Getuid()), hex.EncodeToString(sum[:8])+".sock"), nil
}

// readyz says whether the server takes calls.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	if len(s.fleet.Status()) == 0 {
		http.Error(w, "no engine is set up", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ready\n") // the prober may be gone
}
