package kube

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// leaderWorkerSet is what manifests say of one
// (lws.sigs.k8s.io, leaderworkerset.x-k8s.io/v1).
type leaderWorkerSet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Replicas             int32 `json:"replicas"`
		LeaderWorkerTemplate struct {
			Size           int32                  `json:"size"`
			RestartPolicy  string                 `json:"restartPolicy"`
			LeaderTemplate corev1.PodTemplateSpec `json:"leaderTemplate"`
			WorkerTemplate corev1.PodTemplateSpec `json:"workerTemplate"`
		} `json:"leaderWorkerTemplate"`
	} `json:"spec"`
}

func values() Values {
	return Values{
		Name: "glm-4-6", Engine: "vllm", Models: "glm-4.6=glm-4.6", Image: "vllm/vllm-openai:v0.22.0", Replicas: 2, Nodes: 1,
		Command:     []string{"vllm", "serve", "/models/glm", "--served-model-name", "glm-4.6", "--trick", `a "b" {{c}} # d`},
		Environment: []Variable{{"A", "1"}, {"B", "yes: no"}},
		Limits:      map[string]string{"nvidia.com/gpu": "8", "memory": "512Gi"}, SharedMemory: "16Gi",
		Volume: map[string]any{"persistentVolumeClaim": map[string]any{"claimName": "models"}}, MountPath: "/models",
		Tolerations: []map[string]any{{"key": "gpu", "operator": "Exists"}},
		Port:        8000, Health: "/health", Concurrent: 64, StartTries: 180, DrainSeconds: 120, TerminationSeconds: 180, SluiceNamespace: "sluice",
	}
}

// objects reads manifests strictly: a field that Kubernetes does not know fails.
func objects(t *testing.T, v Values, into ...any) {
	t.Helper()
	out, err := Manifests(v, "models")
	if err != nil {
		t.Fatal(err)
	}
	parts := bytes.Split(out, []byte("---\n"))
	if len(parts) != len(into) {
		t.Fatalf("%d objects, want %d:\n%s", len(parts), len(into), out)
	}
	for i, part := range parts {
		if err := yaml.UnmarshalStrict(part, into[i]); err != nil {
			t.Fatalf("%v in\n%s", err, part)
		}
	}
}

func TestDeployment(t *testing.T) {
	var d appsv1.Deployment
	var n networkingv1.NetworkPolicy
	objects(t, values(), &d, &n)
	if d.APIVersion != "apps/v1" || d.Kind != "Deployment" || d.Name != "glm-4-6" || d.Namespace != "models" || *d.Spec.Replicas != 2 {
		t.Errorf("the deployment is %+v", d.ObjectMeta)
	}
	for k, want := range d.Spec.Selector.MatchLabels {
		if d.Spec.Template.Labels[k] != want {
			t.Errorf("it does not select its own pods: %s", k)
		}
	}
	engineAgrees(t, d.Spec.Template)
	for k, want := range n.Spec.PodSelector.MatchLabels {
		if d.Spec.Template.Labels[k] != want {
			t.Errorf("the network policy does not hold for its pods: %s", k)
		}
	}
	if got := n.Spec.Ingress[0].Ports[0].Port.IntValue(); got != 8000 {
		t.Errorf("the network policy opens %d", got)
	}
}

// engineAgrees checks that a pod of the template is the engine that the values say.
func engineAgrees(t *testing.T, template corev1.PodTemplateSpec) {
	t.Helper()
	v := values()
	p := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	p.Namespace, p.Name, p.Status = "models", "x", corev1.PodStatus{PodIP: "10.0.0.1", Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}
	e, takes, err := engineOf(p)
	if err != nil || !takes || e.Driver != "vllm" || e.Concurrent != 64 || e.URL != "http://10.0.0.1:8000" || e.Models["glm-4.6"] != "glm-4.6" {
		t.Errorf("its pods are %+v, %v", e, err)
	}
	c := template.Spec.Containers[0]
	if got := strings.Join(c.Command, "\x00"); got != strings.Join(v.Command, "\x00") {
		t.Errorf("the command is %q", c.Command)
	}
	if c.Env[1].Value != "yes: no" {
		t.Errorf("the environment is %v", c.Env)
	}
	if q := c.Resources.Limits["nvidia.com/gpu"]; q.Value() != 8 {
		t.Errorf("the limits are %v", c.Resources.Limits)
	}
	if c.StartupProbe.FailureThreshold != 180 || c.StartupProbe.HTTPGet.Path != "/health" || c.Lifecycle.PreStop.Sleep.Seconds != 120 {
		t.Errorf("the probes are %+v", c.StartupProbe)
	}
	if template.Spec.Volumes[1].PersistentVolumeClaim.ClaimName != "models" || !c.VolumeMounts[1].ReadOnly {
		t.Errorf("the volumes are %+v", template.Spec.Volumes)
	}
}

func TestLeaderWorkerSet(t *testing.T) {
	v := values()
	v.Nodes, v.Follow = 2, []string{"vllm", "serve", "--node-rank", "$(LWS_WORKER_INDEX)", "--headless"}
	var set leaderWorkerSet
	var n networkingv1.NetworkPolicy
	objects(t, v, &set, &n)
	l := set.Spec.LeaderWorkerTemplate
	if set.APIVersion != "leaderworkerset.x-k8s.io/v1" || set.Spec.Replicas != 2 || l.Size != 2 || l.RestartPolicy != "RecreateGroupOnPodRestart" {
		t.Errorf("the set is %+v", set)
	}
	engineAgrees(t, l.LeaderTemplate)
	w := l.WorkerTemplate
	if w.Labels[LabelEngine] != "" || strings.Join(w.Spec.Containers[0].Command, " ") != strings.Join(v.Follow, " ") || w.Spec.Containers[0].ReadinessProbe != nil {
		t.Errorf("the workers are %+v", w)
	}
	if q := w.Spec.Containers[0].Resources.Limits["nvidia.com/gpu"]; q.Value() != 8 {
		t.Error("the workers have no chips")
	}
}

// TestBare leaves out what is not said.
func TestBare(t *testing.T) {
	v := values()
	v.Volume, v.Environment, v.Tolerations, v.Concurrent = nil, nil, nil, 0
	var d appsv1.Deployment
	var n networkingv1.NetworkPolicy
	objects(t, v, &d, &n)
	if len(d.Spec.Template.Spec.Volumes) != 1 || d.Spec.Template.Annotations[noteConcurrent] != "" {
		t.Errorf("%+v", d.Spec.Template)
	}
}

func TestWriteChart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "glm")
	if err := WriteChart(values(), dir); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var read Values
	if err := yaml.UnmarshalStrict(raw, &read); err != nil || read.Port != 8000 || read.Command[6] != values().Command[6] {
		t.Errorf("values.yaml says %+v, %v", read, err)
	}
	for _, name := range []string{"Chart.yaml", "templates/workload.yaml", "templates/network.yaml"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if err := WriteChart(values(), dir); err == nil {
		t.Error("a folder that is there is written over")
	}
}
