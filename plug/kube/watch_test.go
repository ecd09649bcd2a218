package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice"
	"sluice/plug/kube/kubetest"
)

// heard gathers what a watcher tells.
type heard struct {
	mu    sync.Mutex
	last  string
	times int
	fail  int // so many times it refuses
	log   logged
}

func (h *heard) apply(_ context.Context, engines []sluice.Engine) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.times++
	if h.times <= h.fail {
		return errors.New("the store is away")
	}
	var names []string
	for _, e := range engines {
		names = append(names, e.Name)
	}
	h.last = strings.Join(names, " ")
	return nil
}

func (h *heard) want(t *testing.T, names string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		h.mu.Lock()
		last, times := h.last, h.times
		h.mu.Unlock()
		if last == names && times > h.fail {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the engines are %q, want %q; the log:\n%s", last, names, h.log.String())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func watch(t *testing.T, c *kubetest.Cluster, h *heard) {
	t.Helper()
	w, err := New(Options{Kubeconfig: c.Kubeconfig(t), Namespace: "models", Selector: "team=a", Log: slog.New(slog.NewTextHandler(&h.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx, h.apply) }()
	t.Cleanup(func() { cancel(); <-done })
}

// logged is what a watcher says.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestWatch follows pods that come, become ready, are ended and go.
func TestWatch(t *testing.T) {
	for _, lists := range []bool{false, true} {
		t.Run(fmt.Sprintf("lists=%t", lists), func(t *testing.T) {
			c := kubetest.New(t, lists)
			c.Put("a", kubetest.Ready(true))
			h := &heard{}
			watch(t, c, h)
			h.want(t, "models.a")
			c.Put("b", kubetest.Ready(false))
			c.Put("b", kubetest.Ready(true))
			h.want(t, "models.a models.b")
			c.Put("a", func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: time.Now()} })
			h.want(t, "models.b")
			c.Put("b", nil)
			h.want(t, "")
			if got := c.Asked()[0]; got != "/api/v1/namespaces/models/pods?sluice/engine,team=a" {
				t.Errorf("asked for %s", got)
			}
		})
	}
}

// TestWatchBroken goes on behind a lost connection and behind a version that is too old.
func TestWatchBroken(t *testing.T) {
	c := kubetest.New(t, false)
	c.Put("a", kubetest.Ready(true))
	h := &heard{}
	watch(t, c, h)
	h.want(t, "models.a")
	c.Break(false)
	c.Put("b", kubetest.Ready(true))
	h.want(t, "models.a models.b")
	c.Break(true)
	c.Put("a", nil)
	h.want(t, "models.b")
}

// TestRefused is told again what could not be taken up.
func TestRefused(t *testing.T) {
	c := kubetest.New(t, false)
	c.Put("a", kubetest.Ready(true))
	h := &heard{fail: 1}
	watch(t, c, h)
	h.want(t, "models.a")
}

// TestEmptyCluster tells that there is none, so that engines of before are forgotten.
func TestEmptyCluster(t *testing.T) {
	c := kubetest.New(t, false)
	h := &heard{last: "models.old"}
	watch(t, c, h)
	h.want(t, "")
}

func TestOutsideCluster(t *testing.T) {
	if os.Getenv("KUBERNETES_SERVICE_HOST") != "" {
		t.Skip("this is a pod")
	}
	if _, err := New(Options{}); err == nil || !strings.Contains(err.Error(), "kubeconfig") {
		t.Errorf("outside of a cluster: %v", err)
	}
	if _, err := New(Options{Kubeconfig: kubetest.New(t, false).Kubeconfig(t), Selector: "a b"}); err == nil {
		t.Error("a selector that cannot be read is not refused")
	}
}
