package kube

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/template"

	"sigs.k8s.io/yaml"
)

// chart is a Helm chart of one model's workload. Manifests are made from the
// same templates, so they use no more of Helm than functions has.
//
//go:embed chart
var chart embed.FS

// Values are what the chart is filled with: its values.yaml. Names of its
// fields are the chart's.
type Values struct {
	Name   string `json:"name"`   // of the workload: letters, digits and dashes
	Engine string `json:"engine"` // the driver's name, or auto
	Models string `json:"models"` // PUBLIC=OWN, with commas

	Image       string     `json:"image"`
	Replicas    int        `json:"replicas"`
	Nodes       int        `json:"nodes"` // that serve one replica together; over 1 makes a LeaderWorkerSet
	Command     []string   `json:"command"`
	Follow      []string   `json:"follow"` // the command of the other nodes
	Environment []Variable `json:"environment"`

	Limits       map[string]string `json:"limits"` // of a node: chips, and memory where it is said
	SharedMemory string            `json:"sharedMemory"`
	Volume       map[string]any    `json:"volume"` // a volume's source, as in a pod; none: the engine downloads
	MountPath    string            `json:"mountPath"`
	NodeSelector map[string]string `json:"nodeSelector"`
	Tolerations  []map[string]any  `json:"tolerations"`

	Port       int    `json:"port"`
	Health     string `json:"health"` // path that answers 200 once the engine serves
	Concurrent int    `json:"concurrent"`

	StartTries         int `json:"startTries"`   // of ten seconds each until a start has failed
	DrainSeconds       int `json:"drainSeconds"` // for running calls, once a pod is being ended
	TerminationSeconds int `json:"terminationSeconds"`

	SluiceNamespace string `json:"sluiceNamespace"` // where Sluice runs, whose pods alone reach the engines
}

// Variable is one of a container's environment.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Manifests returns the objects of a model's workload as YAML, for kubectl.
func Manifests(v Values, namespace string) ([]byte, error) {
	data, err := plain(v)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, name := range []string{"workload.yaml", "network.yaml"} {
		if out.Len() > 0 {
			out.WriteString("---\n")
		}
		text, err := render(name, map[string]any{"Values": data, "Release": map[string]any{"Namespace": namespace}})
		if err != nil {
			return nil, err
		}
		out.WriteString(text)
	}
	return out.Bytes(), nil
}

// JSON returns objects that Manifests or Access wrote as JSON, one on a line.
func JSON(objects []byte) ([]byte, error) {
	var out []byte
	for object := range bytes.SplitSeq(objects, []byte("---\n")) {
		line, err := yaml.YAMLToJSON(object)
		if err != nil {
			return nil, fmt.Errorf("writing JSON: %w", err)
		}
		out = append(append(out, line...), '\n')
	}
	return out, nil
}

// WriteChart writes the chart into a folder, which must not be there, with the
// values as its values.yaml.
func WriteChart(v Values, dir string) error {
	data, err := plain(v)
	if err != nil {
		return err
	}
	values, err := yaml.Marshal(data)
	if err != nil {
		return fmt.Errorf("writing values.yaml: %w", err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writing the chart: %s is there already", dir)
	}
	inner, err := fs.Sub(chart, "chart")
	if err != nil {
		return fmt.Errorf("reading the chart: %w", err)
	}
	if err := os.CopyFS(dir, inner); err != nil {
		return fmt.Errorf("writing the chart: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "values.yaml"), values, 0o600); err != nil {
		return fmt.Errorf("writing the chart: %w", err)
	}
	return nil
}

// plain turns values into what templates and values.yaml are made of.
func plain(v Values) (map[string]any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("writing the chart's values: %w", err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("writing the chart's values: %w", err)
	}
	return whole(m).(map[string]any), nil
}

// whole turns numbers, which JSON has as floats, back into whole ones.
func whole(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = whole(e)
		}
	case []any:
		for i, e := range v {
			v[i] = whole(e)
		}
	case float64:
		return int(v)
	}
	return v
}

// render fills a template of the chart, as Helm does.
func render(name string, data any) (string, error) {
	text, err := fs.ReadFile(chart, path.Join("chart/templates", name))
	if err != nil {
		return "", fmt.Errorf("reading the chart: %w", err)
	}
	t := template.New(name)
	functions := template.FuncMap{
		"quote":   func(v any) string { return fmt.Sprintf("%q", fmt.Sprint(v)) },
		"nindent": func(n int, s string) string { return "\n" + indent(n, s) },
		"toYaml": func(v any) (string, error) {
			out, err := yaml.Marshal(v)
			return strings.TrimSuffix(string(out), "\n"), err
		},
		"int": func(v any) int { n, _ := v.(int); return n },
		"include": func(name string, data any) (string, error) {
			var out strings.Builder
			err := t.ExecuteTemplate(&out, name, data)
			return out.String(), err
		},
	}
	if t, err = t.Funcs(functions).Parse(string(text)); err != nil {
		return "", fmt.Errorf("reading the chart: %w", err)
	}
	var out strings.Builder
	if err := t.Execute(&out, data); err != nil {
		return "", fmt.Errorf("filling the chart: %w", err)
	}
	return strings.TrimLeft(out.String(), "\n"), nil
}

func indent(n int, s string) string {
	pad := strings.Repeat(" ", n)
	return pad + strings.ReplaceAll(s, "\n", "\n"+pad)
}
