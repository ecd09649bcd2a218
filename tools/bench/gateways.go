package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// gateway is something between the load and the engine; the engine itself,
// reached directly, is one without a process.
type gateway struct {
	name    string
	address string
	key     string
	process *process
	sluice  *books // nil for others
}

// pid is 0 for the engine itself.
func (g *gateway) pid() int {
	if g.process == nil {
		return 0
	}
	return g.process.cmd.Process.Pid
}

// nginxConfig is a plain reverse proxy: kept connections to the engine, and
// answers passed on as they come.
const nginxConfig = `user %s;
worker_processes 1;
worker_rlimit_nofile 65536;
daemon off;
pid %[2]s/nginx.pid;
error_log %[2]s/error.log warn;
events { worker_connections 16384; }
http {
	access_log off;
	client_body_temp_path %[2]s/body;
	proxy_temp_path %[2]s/proxy;
	fastcgi_temp_path %[2]s/fastcgi;
	uwsgi_temp_path %[2]s/uwsgi;
	scgi_temp_path %[2]s/scgi;
	keepalive_requests 1000000000;
	upstream engine {
		server %[3]s;
		keepalive 2048;
		keepalive_requests 1000000000;
	}
	server {
		listen %[4]s backlog=4096;
		location / {
			proxy_pass http://engine;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_buffering off;
			proxy_read_timeout 600s;
		}
	}
}
`

// startNginx runs nginx in a folder of its own.
func startNginx(ctx context.Context, core int, dir, engine string) (*gateway, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	user := "nobody"
	if os.Geteuid() == 0 {
		user = "root" // the folder is ours alone
	}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, user, dir, engine, address), 0o600); err != nil {
		return nil, err
	}
	p, err := start(ctx, core, nil, nginxBinary(), "-c", config, "-p", dir)
	if err != nil {
		return nil, err
	}
	g := &gateway{name: "nginx", address: address, process: p}
	return g, g.await(ctx)
}

// nginxBinary is where Debian puts it when it is not in the path.
func nginxBinary() string {
	if path, err := exec.LookPath("nginx"); err == nil {
		return path
	}
	return "/usr/sbin/nginx"
}

// freeAddress is one that was free a moment ago.
func freeAddress() (string, error) {
	fd, address, err := listen()
	if err != nil {
		return "", err
	}
	return address, unix.Close(fd)
}

// await waits until somebody listens.
func (g *gateway) await(ctx context.Context) error {
	for range 200 {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", g.address)
		if err == nil {
			return conn.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("%s does not listen on %s: %s", g.name, g.address, g.process.errors)
}

// The prices of the model, in USD per million tokens: different ones, so that
// tokens booked in the wrong class show in the balance.
const (
	priceInput  = 3
	priceOutput = 7
	credit      = "1000000000.00"
)

// books is what is needed to ask a Sluice what it booked.
type books struct {
	binary, data string
	org          string
	before       string // the balance after it was set up
	answers      int64  // that clients received
	tokens       int64  // output tokens in them
}

// startSluice sets up a server as an operator would: authentication, limits,
// metering and the ledger on, SQLite in a folder on disk.
func startSluice(ctx context.Context, core int, name, binary, dir, engine string) (*gateway, error) {
	b := &books{binary: binary, data: dir}
	p, err := start(ctx, core, nil, binary,
		"serve", "--listen", "127.0.0.1:0", "--data", dir, "--embedded=false", "--log-level", "warn", "--json")
	if err != nil {
		return nil, err
	}
	var ready struct{ URL string }
	if err := p.line(&ready); err != nil {
		return nil, err
	}
	g := &gateway{name: name, address: ready.URL[len("http://"):], process: p, sluice: b}
	var org, key struct{ ID, Key string }
	if err := b.run(ctx, &org, "org", "create", "bench", "--currency", "USD", "--credit", credit); err != nil {
		return g, err
	}
	if err := b.run(ctx, &key, "key", "create", "--org", org.ID, "--rpm", "1000000000", "--tpm", "1000000000000", "--concurrent", "100000"); err != nil {
		return g, err
	}
	if err := b.run(ctx, nil, "engine", "add", "bench", "--url", "http://"+engine, "--model", model); err != nil {
		return g, err
	}
	if err := b.run(ctx, nil, "model", "price", model, "--input", fmt.Sprint(priceInput), "--output", fmt.Sprint(priceOutput), "--currency", "USD"); err != nil {
		return g, err
	}
	g.key, b.org = key.Key, org.ID
	b.before, err = b.balance(ctx)
	return g, err
}

// run carries out a command of Sluice's and reads its answer into v.
func (b *books) run(ctx context.Context, v any, args ...string) error {
	cmd := exec.CommandContext(ctx, b.binary, append([]string{"--data", b.data, "--json"}, args...)...)
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return fmt.Errorf("sluice %v: %w", args, err)
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(out, v); err != nil {
		return fmt.Errorf("sluice %v said %.200q: %w", args, out, err)
	}
	return nil
}

// balance is what the organisation has, once nothing is held any more.
func (b *books) balance(ctx context.Context) (string, error) {
	var have struct{ Available, Held string }
	if err := b.run(ctx, &have, "balance", "--org", b.org); err != nil {
		return "", err
	}
	return have.Available, nil
}
