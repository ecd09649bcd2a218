package kube

import (
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"sluice"
	"sluice/plug/kube/kubetest"
)

func TestEngineOf(t *testing.T) {
	note := func(key, value string) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Annotations[key] = value }
	}
	e, takes, err := engineOf(kubetest.Pod("glm-0"))
	if err != nil || !takes || e.Name != "models.glm-0" || e.URL != "http://10.1.2.3:8000" || e.Driver != "vllm" ||
		e.Kind != sluice.EngineHTTP || e.OnLeave != sluice.LeaveCancel || !maps.Equal(e.Models, map[string]string{"glm-4.6": "zai-org/GLM-4.6"}) {
		t.Fatalf("a plain pod is %+v, %t, %v", e, takes, err)
	}
	for _, c := range []struct {
		name   string
		change func(*corev1.Pod)
		takes  bool
		err    string
		url    string
	}{
		{"not ready", kubetest.Ready(false), false, "", ""},
		{"without an address", func(p *corev1.Pod) { p.Status.PodIP = "" }, false, "", ""},
		{"being ended", func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} }, false, "", ""},
		{"a worker of a group", func(p *corev1.Pod) { p.Labels[labelWorker] = "1" }, false, "", ""},
		{"the leader of a group", func(p *corev1.Pod) { p.Labels[labelWorker] = "0" }, true, "", ""},
		{"IPv6", func(p *corev1.Pod) { p.Status.PodIP = "fd00::7" }, true, "", "http://[fd00::7]:8000"},
		{"another port", note(notePort, "9000"), true, "", "http://10.1.2.3:9000"},
		{"https", note(noteScheme, "https"), true, "", "https://10.1.2.3:8000"},
		{"another scheme", note(noteScheme, "file"), false, "neither http nor https", ""},
		{"no port at all", func(p *corev1.Pod) { p.Spec.Containers[0].Ports = nil }, false, "has 0 ports", ""},
		{"a port that is none", note(notePort, "70000"), false, "no port", ""},
		{"no model", note(noteModels, ""), false, "names no model", ""},
		{"a model twice", note(noteModels, "a,a=b"), false, "twice", ""},
		{"negative calls", note(noteConcurrent, "-1"), false, "no number", ""},
		{"another policy", note(noteOnLeave, "stay"), false, "neither cancel nor drain", ""},
	} {
		p := kubetest.Pod("glm-0")
		c.change(p)
		e, takes, err := engineOf(p)
		if takes != c.takes || c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), "models/glm-0")) {
			t.Errorf("%s: takes calls = %t, %v", c.name, takes, err)
		}
		if c.url != "" && e.URL != c.url {
			t.Errorf("%s: %s, want %s", c.name, e.URL, c.url)
		}
	}
	p := kubetest.Pod("glm-0")
	p.Labels[LabelEngine] = "auto"
	if e, _, _ := engineOf(p); e.Driver != "" {
		t.Errorf("auto is the driver %q", e.Driver)
	}
}
