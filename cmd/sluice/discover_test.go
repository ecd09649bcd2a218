package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"sluice/plug/kube/kubetest"
)

// TestDiscover serves a model of an engine that was found in a cluster, for as
// long as its pod is ready.
func TestDiscover(t *testing.T) {
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/chat/completions" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","created":1,"model":"own","choices":[{"index":0,"message":{"role":"assistant","content":"from a pod"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":3,"total_tokens":6}}`)
	}))
	defer engine.Close()
	at, err := url.Parse(engine.URL)
	if err != nil {
		t.Fatal(err)
	}
	cluster := kubetest.New(t, false)
	cluster.Put("llm-0", func(p *corev1.Pod) {
		p.Status.PodIP = at.Hostname()
		p.Annotations["sluice/port"], p.Annotations["sluice/models"] = at.Port(), "found=own"
		p.Labels["sluice/engine"] = "generic"
	})
	p, data := launch(t, "--kube-discovery", "--kubeconfig", cluster.Kubeconfig(t), "--kube-namespace", "models", "--probe-engines=false")
	wait := func(what string, holds func(list string) bool) {
		t.Helper()
		var list string
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			if list = sluiceDo(t, data, "engine", "list", "--json"); holds(list) {
				return
			}
		}
		t.Fatalf("%s: the engines are\n%s", what, list)
	}
	wait("found", func(list string) bool { return strings.Contains(list, `"models.llm-0"`) })
	sluiceDo(t, data, "model", "price", "found", "--input", "1", "--output", "1")
	req, err := http.NewRequest(http.MethodPost, p.ready["url"]+"/v1/chat/completions", strings.NewReader(`{"model":"found","messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.ready["trial_key"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "from a pod") {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	cluster.Put("llm-0", kubetest.Ready(false))
	wait("not ready any more", func(list string) bool { return !strings.Contains(list, "models.llm-0") })
}
