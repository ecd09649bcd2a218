package kube

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice"
)

// cluster speaks as much of the Kubernetes API as a watcher of pods hears:
// watches that begin with what is there (KEP-3157), lists, and watches from a
// version that may be too old.
type cluster struct {
	*httptest.Server
	lists bool // it knows no watches that begin with what is there

	mu       sync.Mutex
	version  int
	pods     map[string]*corev1.Pod
	watchers map[chan []byte]bool
	queries  []string
}

func newCluster(t *testing.T, lists bool) *cluster {
	c := &cluster{lists: lists, version: 1, pods: map[string]*corev1.Pod{}, watchers: map[chan []byte]bool{}}
	c.Server = httptest.NewTLSServer(http.HandlerFunc(c.serve))
	t.Cleanup(func() { c.CloseClientConnections(); c.Close() })
	return c
}

// kubeconfig is a file that leads to the cluster.
func (c *cluster) kubeconfig(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "config")
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate().Raw})
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters:\n- name: a\n  cluster: {server: %q, certificate-authority-data: %q}\nusers:\n- name: a\n  user: {token: secret}\ncontexts:\n- name: a\n  context: {cluster: a, user: a}\n", c.URL, base64.StdEncoding.EncodeToString(authority))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (c *cluster) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	c.mu.Lock()
	c.queries = append(c.queries, r.URL.Path+"?"+q.Get("labelSelector"))
	c.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer secret" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case q.Get("watch") == "":
		c.mu.Lock()
		defer c.mu.Unlock()
		list := corev1.PodList{TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}, ListMeta: metav1.ListMeta{ResourceVersion: fmt.Sprint(c.version)}}
		for _, p := range c.pods {
			list.Items = append(list.Items, *p)
		}
		_ = json.NewEncoder(w).Encode(list)
	case q.Get("sendInitialEvents") == "true" && c.lists:
		w.WriteHeader(http.StatusUnprocessableEntity)
		_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Reason: metav1.StatusReasonInvalid, Code: 422})
	default:
		c.watch(w, r, q.Get("sendInitialEvents") == "true")
	}
}

func (c *cluster) watch(w http.ResponseWriter, r *http.Request, initial bool) {
	events := make(chan []byte, 64)
	c.mu.Lock()
	if initial {
		for _, p := range c.pods {
			events <- event("ADDED", p)
		}
		events <- event("BOOKMARK", &corev1.Pod{
			TypeMeta:   metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"},
			ObjectMeta: metav1.ObjectMeta{ResourceVersion: fmt.Sprint(c.version), Annotations: map[string]string{metav1.InitialEventsAnnotationKey: "true"}},
		})
	}
	c.watchers[events] = true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.watchers, events)
		c.mu.Unlock()
	}()
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case e, ok := <-events:
			if !ok {
				return
			}
			_, _ = w.Write(e)
			w.(http.Flusher).Flush()
		}
	}
}

func event(kind string, object any) []byte {
	line, err := json.Marshal(map[string]any{"type": kind, "object": object})
	if err != nil {
		panic(err)
	}
	return append(line, '\n')
}

// put adds or changes a pod; a nil change removes it.
func (c *cluster) put(name string, change func(*corev1.Pod)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	old, kind := c.pods[name], "MODIFIED"
	if old == nil {
		old, kind = pod(name), "ADDED"
	}
	p := old.DeepCopy()
	p.ResourceVersion = fmt.Sprint(c.version)
	if change == nil {
		kind = "DELETED"
		delete(c.pods, name)
	} else {
		change(p)
		c.pods[name] = p
	}
	for w := range c.watchers {
		w <- event(kind, p)
	}
}

// breakOff ends all watches: with the word that their version is too old, or as a lost connection.
func (c *cluster) breakOff(tooOld bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for w := range c.watchers {
		if tooOld {
			w <- event("ERROR", metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Reason: metav1.StatusReasonExpired, Code: 410})
		}
		close(w)
		delete(c.watchers, w)
	}
}

// pod is one of a vLLM that serves glm-4.6.
func pod(name string) *corev1.Pod {
	return &corev1.Pod{
		TypeMeta: metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "models", Name: name, UID: "u-" + "1", ResourceVersion: "1",
			Labels:      map[string]string{LabelEngine: "vllm"},
			Annotations: map[string]string{noteModels: "glm-4.6=zai-org/GLM-4.6"},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "engine", Image: "x", Ports: []corev1.ContainerPort{{ContainerPort: 8000}}}}},
		Status: corev1.PodStatus{
			PodIP:      "10.1.2.3",
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		},
	}
}

func ready(is bool) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Conditions[0].Status = corev1.ConditionFalse
		if is {
			p.Status.Conditions[0].Status = corev1.ConditionTrue
		}
	}
}

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

func watch(t *testing.T, c *cluster, h *heard) {
	t.Helper()
	w, err := New(Options{Kubeconfig: c.kubeconfig(t), Namespace: "models", Selector: "team=a", Log: slog.New(slog.NewTextHandler(&h.log, nil))})
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
			c := newCluster(t, lists)
			c.put("a", ready(true))
			h := &heard{}
			watch(t, c, h)
			h.want(t, "models.a")
			c.put("b", ready(false))
			c.put("b", ready(true))
			h.want(t, "models.a models.b")
			c.put("a", func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: time.Now()} })
			h.want(t, "models.b")
			c.put("b", nil)
			h.want(t, "")
			c.mu.Lock()
			defer c.mu.Unlock()
			if got := c.queries[0]; got != "/api/v1/namespaces/models/pods?sluice/engine,team=a" {
				t.Errorf("asked for %s", got)
			}
		})
	}
}

// TestWatchBroken goes on behind a lost connection and behind a version that is too old.
func TestWatchBroken(t *testing.T) {
	c := newCluster(t, false)
	c.put("a", ready(true))
	h := &heard{}
	watch(t, c, h)
	h.want(t, "models.a")
	c.breakOff(false)
	c.put("b", ready(true))
	h.want(t, "models.a models.b")
	c.breakOff(true)
	c.put("a", nil)
	h.want(t, "models.b")
}

// TestRefused is told again what could not be taken up.
func TestRefused(t *testing.T) {
	c := newCluster(t, false)
	c.put("a", ready(true))
	h := &heard{fail: 1}
	watch(t, c, h)
	h.want(t, "models.a")
}

// TestEmptyCluster tells that there is none, so that engines of before are forgotten.
func TestEmptyCluster(t *testing.T) {
	c := newCluster(t, false)
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
	if _, err := New(Options{Kubeconfig: newCluster(t, false).kubeconfig(t), Selector: "a b"}); err == nil {
		t.Error("a selector that cannot be read is not refused")
	}
}
