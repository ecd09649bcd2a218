// Package helm holds the chart that `sluice kube model --chart` writes against Helm
// itself: what Helm makes of it is what `sluice kube model` prints.
package helm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

func TestChart(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "sluice")
	build := exec.Command("go", "build", "-o", binary, "./cmd/sluice")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, args := range map[string][]string{
		"one node":  {"--engine", "vllm", "--path", "/models/m", "--claim", "models", "--chips", "8", "--env", "A=yes: no", "--node", "gpu=h20"},
		"two nodes": {"--engine", "sglang", "--path", "/models/m", "--host-path", "/data", "--chips", "8", "--nodes", "2", "--memory", "512Gi"},
		"download":  {"--engine", "llamacpp", "--path", "org/m", "--concurrent", "4", "--arg", `a "quoted" {{word}} # x`},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"kube", "model", "glm-4.6", "--image", "registry.example/engine:v1", "--chip", "nvidia", "--namespace", "models"}, args...)
			printed, err := exec.Command(binary, args...).Output()
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "chart")
			if out, err := exec.Command(binary, append(args, "--chart", dir)...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if got := render(t, dir); got != string(printed) {
				t.Errorf("Helm makes\n%s\nand sluice prints\n%s", got, printed)
			}
		})
	}
}

// render is what Helm makes of a chart, in the order in which sluice prints it.
func render(t *testing.T, dir string) string {
	t.Helper()
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	chart, err := loader.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := chart.Validate(); err != nil {
		t.Fatal(err)
	}
	values, err := chartutil.ToRenderValues(chart, nil, chartutil.ReleaseOptions{Name: "r", Namespace: "models"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Render(chart, values)
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, name := range []string{"workload.yaml", "network.yaml"} {
		parts = append(parts, strings.TrimLeft(files["sluice-model/templates/"+name], "\n"))
	}
	return strings.Join(parts, "---\n")
}
