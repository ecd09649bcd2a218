package kube

import (
	"bytes"
	"text/template"
)

// access lets a service account see pods, and nothing else.
const access = `apiVersion: v1
kind: ServiceAccount
metadata:
  name: sluice
  namespace: {{.Sluice}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{.Kind}}
metadata:
  name: sluice-engines
{{- if .Namespace}}
  namespace: {{.Namespace}}
{{- end}}
rules:
  - apiGroups: [""]
    resources: [pods]
    verbs: [list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{.Kind}}Binding
metadata:
  name: sluice-engines
{{- if .Namespace}}
  namespace: {{.Namespace}}
{{- end}}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{.Kind}}
  name: sluice-engines
subjects:
  - kind: ServiceAccount
    name: sluice
    namespace: {{.Sluice}}
`

// Access returns, as YAML for kubectl, the service account "sluice" in a
// namespace and the right to see pods: of the namespace of the engines, or of
// all where that is empty.
func Access(sluiceNamespace, namespace string) ([]byte, error) {
	kind := "Role"
	if namespace == "" {
		kind = "ClusterRole"
	}
	t, err := template.New("access").Parse(access)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, map[string]string{"Sluice": sluiceNamespace, "Namespace": namespace, "Kind": kind})
	return out.Bytes(), err
}
