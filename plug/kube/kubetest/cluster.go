// Package kubetest is a Kubernetes cluster for tests: as much of its API as a
// watcher of pods hears, over TLS.
package kubetest

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Cluster speaks as much of the Kubernetes API as a watcher of pods hears:
// watches that begin with what is there (KEP-3157), lists, and watches from a
// version that may be too old.
type Cluster struct {
	*httptest.Server
	lists bool // it knows no watches that begin with what is there

	mu       sync.Mutex
	version  int
	pods     map[string]*corev1.Pod
	watchers map[chan []byte]bool
	asked    []string
}

// New starts a cluster without pods, until the end of the test. lists has it know no
// watches that begin with what is there, as clusters before 1.32.
func New(t testing.TB, lists bool) *Cluster {
	c := &Cluster{lists: lists, version: 1, pods: map[string]*corev1.Pod{}, watchers: map[chan []byte]bool{}}
	c.Server = httptest.NewTLSServer(http.HandlerFunc(c.serve))
	t.Cleanup(func() { c.CloseClientConnections(); c.Close() })
	return c
}

// Kubeconfig writes a file that leads to the cluster.
func (c *Cluster) Kubeconfig(t testing.TB) string {
	path := filepath.Join(t.TempDir(), "config")
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate().Raw})
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters:\n- name: a\n  cluster: {server: %q, certificate-authority-data: %q}\nusers:\n- name: a\n  user: {token: secret}\ncontexts:\n- name: a\n  context: {cluster: a, user: a}\n", c.URL, base64.StdEncoding.EncodeToString(authority))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (c *Cluster) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	c.mu.Lock()
	c.asked = append(c.asked, r.URL.Path+"?"+q.Get("labelSelector"))
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

func (c *Cluster) watch(w http.ResponseWriter, r *http.Request, initial bool) {
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

// Put adds or changes a pod; a nil change removes it.
func (c *Cluster) Put(name string, change func(*corev1.Pod)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	old, kind := c.pods[name], "MODIFIED"
	if old == nil {
		old, kind = Pod(name), "ADDED"
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

// Break ends all watches: with the word that their version is too old, or as a lost connection.
func (c *Cluster) Break(tooOld bool) {
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

// Pod is one of a vLLM that serves glm-4.6.
func Pod(name string) *corev1.Pod {
	return &corev1.Pod{
		TypeMeta: metav1.TypeMeta{Kind: "Pod", APIVersion: "v1"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "models", Name: name, UID: "1", ResourceVersion: "1",
			Labels:      map[string]string{"sluice/engine": "vllm"},
			Annotations: map[string]string{"sluice/models": "glm-4.6=zai-org/GLM-4.6"},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "engine", Image: "x", Ports: []corev1.ContainerPort{{ContainerPort: 8000}}}}},
		Status: corev1.PodStatus{
			PodIP:      "10.1.2.3",
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		},
	}
}

// Ready has Kubernetes call a pod ready, or not.
func Ready(is bool) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Conditions[0].Status = corev1.ConditionFalse
		if is {
			p.Status.Conditions[0].Status = corev1.ConditionTrue
		}
	}
}

// Asked returns the paths and selectors that were asked for.
func (c *Cluster) Asked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked)
}
