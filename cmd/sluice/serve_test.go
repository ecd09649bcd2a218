package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice"
	"sluice/cmd/sluice/config"
	"sluice/gateway"
)

// launch starts a server with a simulated model "slow", which gives a token
// each 20 ms and 300 in all: commands that run meanwhile may be slow.
func launch(t *testing.T, flags ...string) (*child, string) {
	t.Helper()
	data := t.TempDir()
	p := new(child)
	if err := p.start(os.Environ(), data, append([]string{"--data", data}, flags...)...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", p.log.String())
		}
	})
	sluiceDo(t, data, "engine", "add", "sim", "--url", "sim:pace?itl=20ms&ttft=1ms&tokens=300", "--model", "slow")
	sluiceDo(t, data, "model", "price", "slow", "--input", "1", "--output", "1")
	return p, data
}

// sluiceDo runs a command on the folder and returns what it says.
func sluiceDo(t *testing.T, data string, args ...string) string {
	t.Helper()
	out, err := exec.Command("sluice", append([]string{"--data", data}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("sluice %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// stream begins a stream of the model "slow" and returns once its first event is there.
func stream(t *testing.T, p *child) *bufio.Reader {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, p.ready["url"]+"/v1/chat/completions",
		strings.NewReader(`{"model":"slow","stream":true,"messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.ready["trial_key"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	r := bufio.NewReader(resp.Body)
	if line, err := r.ReadString('\n'); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the stream did not begin: %s %q %v", resp.Status, line, err)
	}
	return r
}

// status asks for a path and returns the status of the answer.
func status(t *testing.T, client *http.Client, url string) int {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// awaitStopping waits until a server has heard that it is to stop.
func awaitStopping(t *testing.T, p *child) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); status(t, http.DefaultClient, p.ready["url"]+"/readyz") != http.StatusServiceUnavailable; {
		if time.Now().After(deadline) {
			t.Fatal("/readyz says ready although the server stops")
		}
	}
}

// TestStop shows that SIGTERM lets a stream finish, while new calls are
// refused and /readyz says so.
func TestStop(t *testing.T) {
	t.Parallel()
	p, data := launch(t)
	running := stream(t, p)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	awaitStopping(t, p)
	resp, err := http.Post(p.ready["url"]+"/v1/chat/completions", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	answer, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("X-Should-Retry") != "true" || !strings.Contains(string(answer), `"code":"unavailable"`) {
		t.Errorf("a new call gets %s %v %s", resp.Status, resp.Header, answer)
	}
	if got := status(t, http.DefaultClient, p.ready["url"]+"/healthz"); got != http.StatusOK {
		t.Errorf("/healthz answers %d", got)
	}
	sluiceDo(t, data, "status") // the operator still sees it

	rest, err := io.ReadAll(running)
	if err != nil || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") {
		t.Errorf("the stream ended with %q, %v", tail(rest), err)
	}
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := sluiceDo(t, data, "ledger", "verify", "--json"); !strings.Contains(got, `"ok":true`) || !strings.Contains(got, `"events":1`) {
		t.Errorf("the ledger says %s", got)
	}
}

// TestStopAtOnce shows that a second SIGTERM and the end of --stop-timeout
// break calls off, and that these are billed.
func TestStopAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		flags   []string
		signals int
	}{
		"second signal": {nil, 2},
		"timeout":       {[]string{"--stop-timeout", "50ms"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, data := launch(t, c.flags...)
			running := stream(t, p)
			for n := range c.signals {
				if n > 0 {
					awaitStopping(t, p) // two signals at one instant are one
				}
				if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
			}
			if code := p.wait(); code != 1 {
				t.Errorf("exit code %d, not 1", code)
			}
			if rest, _ := io.ReadAll(running); strings.Contains(string(rest), "[DONE]") {
				t.Error("a stream that was broken off ends as if it were whole")
			}
			if !strings.Contains(p.log.String(), "stopped before 1 calls had finished") {
				t.Error("nobody is told that a call was broken off")
			}
			if got := sluiceDo(t, data, "ledger", "verify", "--json"); !strings.Contains(got, `"ok":true`) || !strings.Contains(got, `"events":1`) {
				t.Errorf("the ledger says %s", got)
			}
		})
	}
}

func tail(b []byte) string { return string(b[max(0, len(b)-80):]) }

// TestMetricsDoor shows who may read the metrics.
func TestMetricsDoor(t *testing.T) {
	seen, err := newObservers(t.Context(), config.Default(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	owner, developer := sluice.NewSecret(), sluice.NewSecret()
	directory, err := gateway.NewDirectory(gateway.Config{
		Organisations: []*sluice.Organisation{{ID: "org_1", Currency: "USD"}},
		Keys: []*sluice.Key{
			{ID: "key_1", Role: sluice.RoleSupport, Hash: sluice.HashKey(owner)},
			{ID: "key_2", Role: sluice.RoleDeveloper, Org: "org_1", Hash: sluice.HashKey(developer)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, key string
		proxied   string
		basic     bool
		open      bool
		want      int
	}{
		{from: "127.0.0.1:5", want: http.StatusOK},
		{from: "[::1]:5", want: http.StatusOK},
		{from: "127.0.0.1:5", proxied: "X-Forwarded-For", want: http.StatusForbidden},
		{from: "127.0.0.1:5", proxied: "Forwarded", want: http.StatusForbidden},
		{from: "127.0.0.1:5", proxied: "Forwarded", key: owner, want: http.StatusOK},
		{from: "10.0.0.9:5", want: http.StatusForbidden},
		{from: "10.0.0.9:5", key: "sk-wrong", want: http.StatusForbidden},
		{from: "10.0.0.9:5", key: developer, want: http.StatusForbidden},
		{from: "10.0.0.9:5", key: owner, want: http.StatusOK},
		{from: "10.0.0.9:5", key: owner, basic: true, want: http.StatusOK},
		{from: "10.0.0.9:5", open: true, want: http.StatusOK},
		{from: "nonsense", want: http.StatusForbidden},
	} {
		s := &server{cfg: config.Config{AllowMetrics: c.open}, seen: seen, gateway: gateway.New(gateway.Options{})}
		s.gateway.Use(directory)
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.RemoteAddr = c.from
		if c.proxied != "" {
			r.Header.Set(c.proxied, "for=10.0.0.9")
		}
		switch {
		case c.basic:
			r.SetBasicAuth("prometheus", c.key)
		case c.key != "":
			r.Header.Set("Authorization", "Bearer "+c.key)
		}
		w := httptest.NewRecorder()
		s.metrics().ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%+v: %d", c, w.Code)
		}
	}
}

// TestTLS serves HTTPS, and HTTP/2 over it.
func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pool := selfSigned(t, cert, key)
	p, _ := launch(t, "--tls-cert", cert, "--tls-key", key)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	resp, err := client.Get(p.ready["url"] + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 || !strings.HasPrefix(p.ready["setup_url"], "https://") {
		t.Errorf("%s %s, setup at %s", resp.Proto, resp.Status, p.ready["setup_url"])
	}
	if code := p.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// selfSigned writes a certificate for 127.0.0.1 and its key.
func selfSigned(t *testing.T, certFile, keyFile string) *x509.CertPool {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return pool
}
